//! The local cloud from start to stop.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

use crate::{
    access_log::{self, AccessLogs},
    clickhouse::Store,
    control_plane::{self, ControlPlane},
    deploy::{StackOutputs, deploy},
    front_door::{self, Api},
    injected_delay::InjectedDelay,
    ministack::{BOOKING_ACCOUNT, MILEAGE_ACCOUNT, MiniStack, OBSERVABILITY_ACCOUNT, REGION, sdk_config},
    outputs::Outputs,
    patches, portal, progress,
    project::functions_of,
    services::deploy_services,
    sign_in::{self, SignIn},
    tier_accounts::{MileageAccount, TierAccount, mileage_accounts},
    users,
};

/// The stage that is deployed.
const STAGE: &str = "local";

/// Whoever tries things out does so from one address.
const REGISTRATIONS_PER_SOURCE_AND_HOUR: &str = "50";

/// How to start.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The MiniStack executable.
    #[arg(long, env = "MINISTACK", default_value = ".local/venv/bin/ministack")]
    pub ministack: PathBuf,
    /// The project's folder, where infra/ is.
    #[arg(long, default_value = ".")]
    pub project: PathBuf,
    /// The portal's port, or the next free one if it is in use; 0 takes any free port.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The control plane's port, or another one if it is in use; 0 takes any free port.
    #[arg(long, default_value_t = 4318)]
    pub control_plane_port: u16,
    /// How often a message is received before it goes to the dead-letter queue.
    #[arg(long, default_value_t = 3)]
    pub max_receive_count: u32,
    /// Seconds before a failed message is tried again.
    #[arg(long, default_value_t = 30)]
    pub visibility_timeout: u32,
    /// Run the control plane without sign-in: whoever reaches it on this machine is an operator.
    #[arg(long)]
    pub open: bool,
    /// Give a tier its own mileage account, such as premium=666666666666. May be repeated.
    #[arg(long = "tier-account", value_name = "TIER=ACCOUNT")]
    pub tier_accounts: Vec<TierAccount>,
    /// Where the control plane keeps spans: embedded, clickhouse (which is started), or clickhouse://user:password@host:port/database.
    #[arg(long, default_value = "embedded")]
    pub store: Store,
    /// Where functions find AWS, if not at the emulator: for example a proxy that injects faults.
    #[arg(long)]
    pub functions_endpoint: Option<String>,
}

/// A running local cloud.
#[derive(Debug)]
pub struct Cloud {
    /// Where everything is.
    pub outputs: Outputs,
    /// Makes a call slow on purpose.
    pub delay: InjectedDelay,
    ministack: MiniStack,
    control_plane: ControlPlane,
    front_door: JoinHandle<()>,
    dir: PathBuf,
}

impl Cloud {
    /// Starts everything and deploys all accounts.
    pub async fn start(options: &Options) -> Result<Self> {
        let mileage_accounts = mileage_accounts(&options.tier_accounts)?;
        let state = std::path::absolute(options.project.join(".local"))?;
        remove_leftovers(&state);
        let dir = state.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let listener = listen(options.port).await?;
        let front = format!("http://{}", listener.local_addr()?);

        let reserved = control_plane::Reserved::at(options.control_plane_port).await?;
        let control_plane_url = reserved.url.clone();

        let step = progress::step("local cloud");
        let executable = std::path::absolute(&options.ministack)?;
        let ministack = MiniStack::start(&executable, &dir, options.functions_endpoint.as_deref()).await?;
        let endpoint = ministack.endpoint.clone();
        step.done(match mileage_accounts.len() {
            1 => "local cloud started, two accounts".to_owned(),
            more => format!("local cloud started, {} accounts", more + 1),
        });

        let booking = sdk_config(&endpoint, BOOKING_ACCOUNT).await;
        let template = |name: &str| options.project.join("infra").join(name).join("template.yaml");
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        // The emulator would make up a sampled parent for each invocation, whatever the caller sent.
        let common = [
            ("Stage", STAGE),
            ("Architecture", architecture),
            ("OtlpEndpoint", control_plane_url.as_str()),
            ("Tracing", "PassThrough"),
            // To the control plane, beside spans and metrics.
            ("LogsExporter", "console,otlp"),
            ("AllowedOrigin", front.as_str()),
            // The emulator cannot put a web ACL in front of an API, and refuses a template that wants one.
            ("WebAcl", "false"),
            // What the registry says takes effect before anybody waits for it.
            ("TenantsCacheSeconds", "2"),
        ];

        let step = progress::step("account A");
        let (booking_url, mileage_url) = (format!("{front}/booking"), format!("{front}/mileage"));
        let further = options.tier_accounts.iter().map(|own| own.account.as_str()).collect::<Vec<_>>().join(",");
        let mut parameters = common.to_vec();
        parameters.extend([
            ("MileageAccountId", MILEAGE_ACCOUNT),
            ("TierAccountIds", further.as_str()),
            ("MileageApiUrl", mileage_url.as_str()),
            ("PortalUrl", front.as_str()),
            ("ControlPlaneUrl", if options.open { "" } else { &control_plane_url }),
            ("PasswordSignIn", "true"),
            ("RegistrationsPerSourceAndHour", REGISTRATIONS_PER_SOURCE_AND_HOUR),
        ]);
        let functions = functions_of("booking")?;
        let a = deploy(&booking, "booking", &template("booking"), &functions, &parameters).await?;
        step.done(format_args!("booking deployed to account {BOOKING_ACCOUNT}"));
        let from_a =
            |name: &str| a.get(name).cloned().with_context(|| format!("the booking stack has no output {name}"));

        let (pool, client) = (from_a("UserPoolId")?, from_a("UserPoolClientId")?);
        let pool_arn = from_a("UserPoolArn")?;
        let (tries, hidden) = (options.max_receive_count.to_string(), options.visibility_timeout.to_string());
        let mut parameters = common.to_vec();
        let reader_arn = format!("arn:aws:iam::{BOOKING_ACCOUNT}:role/{}", patches::TENANTS_READER);
        parameters.extend([
            ("BookingAccountId", BOOKING_ACCOUNT),
            ("TenantsReaderRoleArn", reader_arn.as_str()),
            ("UserPoolArn", &pool_arn),
            ("UserPoolId", &pool),
            ("UserPoolClientId", &client),
            ("MaxReceiveCount", &tries),
            ("VisibilityTimeoutSeconds", &hidden),
        ]);
        let mut mileage = Vec::new();
        for MileageAccount { stack, account, tiers, .. } in &mileage_accounts {
            let step = progress::step("mileage");
            let config = sdk_config(&endpoint, account).await;
            let tiers = tiers.join(",");
            let mut parameters = parameters.clone();
            parameters.push(("Tiers", &tiers));
            let functions = functions_of("mileage")?;
            mileage.push((deploy(&config, stack, &template("mileage"), &functions, &parameters).await?, config));
            step.done(format_args!("mileage deployed to account {account}"));
        }
        let from = |stack: &StackOutputs, name: &str| {
            stack.get(name).cloned().with_context(|| format!("the mileage stack has no output {name}"))
        };

        let step = progress::step("patches");
        let topic_arn = from_a("TopicArn")?;
        patches::expire_items(&booking, &from_a("ReservationsTable")?).await?;
        patches::expire_items(&booking, &from_a("RegistrationsTable")?).await?;
        let emulator = patches::Iam::new(&endpoint);
        emulator.leave_out_leading_keys(BOOKING_ACCOUNT, &from_a("TenantRoleArn")?).await?;
        let registry = from_a("TenantsTable")?;
        patches::deploy_gateway_responses(&booking, &from_a("ApiId")?, STAGE).await?;
        let mut apis = vec![Api {
            prefix: "booking".to_owned(),
            account: BOOKING_ACCOUNT.to_owned(),
            tier: None,
            id: from_a("ApiId")?,
            stage: STAGE,
            access_log: access_log::format(&template("booking"))?,
        }];
        for (MileageAccount { account, tier, tiers, .. }, (stack, config)) in mileage_accounts.iter().zip(&mileage) {
            patches::subscribe_queue(config, &booking, &topic_arn, stack, tiers).await?;
            emulator.leave_out_leading_keys(account, &from(stack, "TenantRoleArn")?).await?;
            let id = from(stack, "ApiId")?;
            patches::deploy_gateway_responses(config, &id, STAGE).await?;
            let prefix = "mileage".to_owned();
            let access_log = access_log::format(&template("mileage"))?;
            apis.push(Api { prefix, account: account.clone(), tier: tier.clone(), id, stage: STAGE, access_log });
        }
        let (b, in_b) = mileage.first().context("no mileage account")?;
        let readers = mileage.iter().map(|(stack, _)| from(stack, "MileageApiRoleArn")).collect::<Result<Vec<_>>>()?;
        emulator.let_mileage_apis_read_tenants(in_b, &registry, &readers).await?;
        step.done("patched what the emulator leaves out (local/src/patches.rs)");

        let mut parameters = common.to_vec();
        parameters.extend([("UserPoolArn", pool_arn.as_str()), ("UserPoolId", &pool), ("UserPoolClientId", &client)]);
        let mut services = BTreeMap::new();
        for (name, id) in deploy_services(&booking, &options.project, STAGE, &parameters).await? {
            services.insert(name.clone(), format!("{front}/{name}"));
            let (access_log, account) = (access_log::format(&template(&name))?, BOOKING_ACCOUNT.to_owned());
            apis.push(Api { prefix: name, account, tier: None, id, stage: STAGE, access_log });
        }

        let step = progress::step("users");
        users::register_tenants(&booking, &registry, &users::TENANTS).await?;
        let users = users::create(&booking, &pool).await?;
        let sign_in = if options.open {
            None
        } else {
            let observability = sdk_config(&endpoint, OBSERVABILITY_ACCOUNT).await;
            Some(SignIn::create((&booking, &a), &observability, &users, &control_plane_url).await?)
        };
        step.done(match sign_in {
            Some(_) => format!("{} tenants with a user each, an operator and a viewer", users.len()),
            None => format!("{} tenants with a user each", users.len()),
        });

        let step = progress::step("control plane");
        let configuration =
            control_plane::configuration(&front, &control_plane_url, &registry, &mileage_accounts, sign_in.as_ref())?;
        let control_plane =
            ControlPlane::start(reserved, &options.project, &dir, &configuration, &options.store, &endpoint).await?;
        step.done(match options.store {
            Store::Embedded => format!("control plane at {control_plane_url}"),
            Store::ClickHouse | Store::At(_) => {
                format!("control plane at {control_plane_url}, its spans in ClickHouse")
            }
        });

        let delay = InjectedDelay::new(&control_plane_url);
        let outputs = Outputs {
            portal_url: front.clone(),
            booking_url,
            mileage_url,
            services,
            control_plane_url: control_plane_url.clone(),
            control_plane_key: sign_in.as_ref().map(|sign_in| sign_in.key.clone()),
            staff: sign_in.as_ref().map(|sign_in| sign_in.staff_users.clone()).unwrap_or_default(),
            aws_endpoint_url: endpoint.clone(),
            region: REGION.to_owned(),
            booking_account: BOOKING_ACCOUNT.to_owned(),
            mileage_account: MILEAGE_ACCOUNT.to_owned(),
            tier_accounts: options.tier_accounts.clone(),
            user_pool_id: pool,
            user_pool_client_id: client,
            tenants_table: registry,
            reservations_table: from_a("ReservationsTable")?,
            ledger_table: from(b, "LedgerTable")?,
            topic_arn,
            queue_url: from(b, "QueueUrl")?,
            dead_letters_url: from(b, "DeadLettersUrl")?,
            undelivered_url: from(b, "SubscriptionDeadLettersUrl")?,
            parking_queue_url: from_a("ParkingQueueUrl")?,
            users,
        };
        let mut pages = portal::routes(&options.project.join("portal/dist"), &outputs)?;
        if let Some(sign_in) = &sign_in {
            pages = pages.merge(sign_in::routes(sign_in, &endpoint, &front, &control_plane_url)?);
        }
        let access_logs = AccessLogs::to(&control_plane_url);
        let front_door = front_door::open(listener, &endpoint, apis, &booking, (delay.clone(), access_logs), pages)?;
        Ok(Self { outputs, delay, ministack, control_plane, front_door, dir })
    }

    /// Waits until somebody wants it to end or a part of it ends by itself, which is an error.
    pub async fn run_until(&mut self, wanted: impl Future<Output = ()>) -> Result<()> {
        tokio::select! {
            () = wanted => Ok(()),
            status = self.ministack.process.ended() => {
                bail!("the local cloud ended ({}):\n{}", status?, self.ministack.process.last_words())
            }
            ended = self.control_plane.ended() => ended,
        }
    }

    /// Stops everything and removes what it left on disk.
    pub async fn stop(mut self) -> Result<()> {
        self.front_door.abort();
        self.ministack.process.stop().await?;
        self.control_plane.stop().await?;
        std::fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

/// Until Ctrl-C, SIGTERM or SIGHUP.
pub async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

async fn listen(port: u16) -> Result<TcpListener> {
    const TRIES: u16 = 20;
    let last = if port == 0 { 0 } else { port.saturating_add(TRIES) };
    for port in port..=last {
        if let Ok(listener) = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            return Ok(listener);
        }
    }
    bail!("no free port from {port} to {last}")
}

/// Removes what runs left behind that were killed.
fn remove_leftovers(state: &std::path::Path) {
    for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("run-")?.parse().ok()).and_then(Pid::from_raw);
        if pid.is_some_and(|pid| test_kill_process(pid).is_err()) {
            // Another start may be at it too.
            let _removed = std::fs::remove_dir_all(entry.path());
        }
    }
}
