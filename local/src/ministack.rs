//! MiniStack, the AWS emulator that plays both accounts.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{children::Supervised, port::Port};

/// The region everything runs in.
pub const REGION: &str = "us-east-1";
/// Account A: booking.
pub const BOOKING_ACCOUNT: &str = "111111111111";
/// Account B: mileage.
pub const MILEAGE_ACCOUNT: &str = "222222222222";
/// Account C: observability. Of it there is the staff's user pool alone; the control plane runs beside the emulator.
pub const OBSERVABILITY_ACCOUNT: &str = "333333333333";

/// Not an account that is deployed: the simulated tenants' booking.
pub const SIMULATED_BOOKING_ACCOUNT: &str = "444444444444";
/// Nor is this one: their mileage.
pub const SIMULATED_MILEAGE_ACCOUNT: &str = "555555555555";

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running emulator.
#[derive(Debug)]
pub struct MiniStack {
    /// Its process.
    pub process: Supervised,
    /// Its URL, for SDKs and functions alike.
    pub endpoint: String,
}

impl MiniStack {
    /// Starts the emulator from `executable` with all its state below `dir`. Functions call `functions_endpoint` where there
    /// is one, which passes on to the emulator.
    pub async fn start(executable: &Path, dir: &Path, functions_endpoint: Option<&str>) -> Result<Self> {
        let port = Port::free()?;
        let endpoint = format!("http://127.0.0.1:{}", port.number);
        let temporary = dir.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        // Functions inherit the emulator's environment, so it gets only what it and they need: without the endpoint their SDK
        // would call AWS itself.
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME", text(dir.to_owned())),
            ("TMPDIR", text(temporary)),
            ("STATE_DIR", text(dir.join("state"))),
            ("BIND_HOST", "127.0.0.1".to_owned()),
            ("GATEWAY_PORT", port.number.to_string()),
            ("MINISTACK_HOST", "127.0.0.1".to_owned()),
            ("MINISTACK_ACCOUNT_ID", BOOKING_ACCOUNT.to_owned()),
            ("MINISTACK_REGION", REGION.to_owned()),
            ("IOT_MTLS_ENABLED", "0".to_owned()),
            ("AUTH", "true".to_owned()),
            ("LOG_LEVEL", "WARNING".to_owned()),
            ("AWS_ENDPOINT_URL", functions_endpoint.unwrap_or(&endpoint).to_owned()),
        ];
        let env: Vec<_> = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let process = Supervised::start("local cloud", executable, &[], &env, dir.join("ministack.log"))?;
        let mut ministack = Self { process, endpoint };
        ministack.wait_until_healthy().await?;
        Ok(ministack)
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        let started = Instant::now();
        let url = format!("{}/_ministack/health", self.endpoint);
        while started.elapsed() < STARTS_WITHIN {
            tokio::select! {
                status = self.process.ended() => {
                    bail!("the local cloud ended at once ({}):\n{}", status?, self.process.last_words());
                }
                answer = reqwest::get(&url) => if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                },
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the local cloud did not start within {} s:\n{}", STARTS_WITHIN.as_secs(), self.process.last_words());
    }
}

/// SDK configuration for an account of the emulator: an access key of twelve digits *is* the account.
pub async fn sdk_config(endpoint: &str, account: &str) -> aws_config::SdkConfig {
    let credentials = aws_credential_types::Credentials::new(account, "local", None, None, "local");
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(aws_config::Region::new(REGION))
        .credentials_provider(credentials)
        .load()
        .await
}

/// The executable of a program built beside this one.
pub fn program_beside(name: &str) -> Result<PathBuf> {
    let mut dir = std::env::current_exe()?;
    dir.pop();
    // Test binaries live one folder below.
    if dir.ends_with("deps") {
        dir.pop();
    }
    let path = dir.join(name);
    if !path.exists() {
        return Err(anyhow::anyhow!("{} is not built: run `make build`", path.display())).context("missing program");
    }
    Ok(path)
}
