//! The HTTP server.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Error, Result, bail};
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use control_plane_access::{Gate, RouteRow, Routes, Visitor, guard};
use control_plane_audit::{Audit, Who};
use control_plane_clickhouse::{ClickHouse, Migration};
use control_plane_dynamodb::DynamoDbStates;
use control_plane_embedded::Embedded;
use control_plane_model::{
    complain::complain,
    log_records::LogStore,
    metrics::MetricStore,
    store::{SpanStore, StateStore},
};
use control_plane_otel_traces::OtelTraces;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};
use tower_http::{CompressionLevel, compression::CompressionLayer};

use crate::{
    access,
    alerting::Notifier,
    api::{self, Finding, OpenedTraces, READERS, Sources, WATERFALLS},
    audit::note_token,
    config::Config,
    cors,
    evaluator::Evaluator,
    forward::Forwarder,
    intake::{self, Intake},
    investigations::Investigations,
    jaeger,
    leader::Leader,
    otel_traces, pages,
    problem::Problem,
    tenants::Tenants,
};

/// Between two looks at whether there are spans to make sums of.
const SUMS_EVERY: Duration = Duration::from_secs(1);
/// How long requests may still take once the server is to end; an answer takes 10 s at most.
const FINISHED_WITHIN: Duration = Duration::from_secs(15);
/// How long recording the configuration may take, and until it is tried again.
const NOTED_WITHIN: Duration = Duration::from_secs(5);
/// The most bytes that a form may have.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// Serves on `listener`, with the store in `dir`, until `stop`; requests under way are finished, if that takes 15 s at most. `ready` is called once everything
/// is there that an answer needs.
pub async fn serve(
    listener: TcpListener,
    dir: &Path,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce() -> Result<()>,
) -> Result<()> {
    for told in config.without_effect() {
        complain(format_args!("{told}"));
    }
    let Stores { spans, metrics, log_records, states } = stores(dir, config).await?;
    let gate =
        Gate::new(config.access()?, listener.local_addr()?, states.clone(), access::refuse).map_err(Error::msg)?;
    let audit = Audit::new(states.clone());
    let leader = Leader::start(states.clone()).await;
    tokio::spawn(keep_sums(spans.clone(), config.store()?.as_ref().map(OtelTraces::new), leader.clone()));
    let notifier = Notifier::start(config.webhooks()?);
    let sources = Sources {
        evaluator: Evaluator::start(spans.clone(), states.clone(), config.slo()?, notifier, leader)?,
        prices: config.prices.clone().map(Arc::new),
        spans: spans.clone(),
        metrics: metrics.clone(),
        log_records: log_records.clone(),
        tenants: match config.tenants()? {
            Some(settings) => Some(Tenants::open(&settings, audit.clone()).await),
            None => None,
        },
        investigations: Investigations::new(states.clone(), audit.clone()),
        states,
        audit: audit.clone(),
        finding: Finding {
            annotations: config.find.annotations.as_slice().into(),
            kept_hours: (config.retention().max_age / 3_600).max(1),
        },
        trace_links: Arc::new(config.trace_links()?),
        accounts: Arc::new(config.accounts.clone()),
        readers: Arc::new(Semaphore::new(READERS)),
        waterfalls: Arc::new(Semaphore::new(WATERFALLS)),
        opened: OpenedTraces::default(),
    };
    let keys = config.keys()?;
    if keys.is_empty() && !listener.local_addr()?.ip().is_loopback() {
        bail!(
            "anybody could send spans in anybody's name: give each account a key in [intake.keys], or listen on 127.0.0.1"
        );
    }
    let forwarders = config.destinations()?.into_iter().map(Forwarder::start).collect::<Result<_, _>>()?;
    let intake = Intake::new((spans, metrics, log_records), keys, config.address_key()?, forwarders);
    let guarded = |router: Router| {
        let recorded = router.layer(Extension(audit.clone())).layer(from_fn_with_state(audit.clone(), note_token));
        recorded.layer(from_fn(receive_form)).layer(from_fn_with_state(gate.clone(), guard))
    };
    let pages = pages::routes().into_router().with_state(sources.clone());
    let pages = guarded(pages.merge(sign_in_routes().into_router().with_state(gate.clone())));
    // Preflight is another method, too.
    let api = guarded(api_routes().into_router().with_state(sources).method_not_allowed_fallback(other_method));
    // Around the guard: a page must be able to read that its user's token has expired.
    let allowed = gate.access().map(|access| access.allowed_origins().to_vec()).unwrap_or_default();
    // Fast: what is made for one answer is not worth more. What pages show of a session's secrets is different in each answer (`Visitor::csrf`), so that
    // no length tells of them.
    let compressed = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let router = Router::new()
        .merge(intake::routes().with_state(intake))
        .merge(pages.merge(cors::readable_by(allowed, api)).layer(compressed))
        .route("/healthz", get(|| async { "ok" }))
        .fallback(async |headers: HeaderMap| refusal(StatusCode::NOT_FOUND, "There is nothing here.", &headers))
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(intake::MAX_BODY_BYTES))
        .layer(from_fn(timed))
        .layer(map_response(secure))
        .layer(map_response(with_retry_after));
    // It is good: nothing above has refused it.
    note_configuration(audit, config, listener.local_addr()?).await;
    ready()?;
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = Arc::new(Notify::new());
    let stopping = stopped.clone();
    let stop = async move {
        stop.await;
        stopping.notify_one();
    };
    let over = async {
        stopped.notified().await;
        sleep(FINISHED_WITHIN).await;
    };
    tokio::select! {
        served = axum::serve(listener, router).with_graceful_shutdown(stop) => Ok(served?),
        () = over => Ok(()),
    }
}

/// A form that is too long is read to its end, so that its sender reads the answer.
async fn receive_form(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match intake::receive(body, MAX_FORM_BYTES).await {
        Ok(form) => next.run(Request::from_parts(head, form.into())).await,
        Err((status, why)) => refusal(status, &why, &head.headers),
    }
}

async fn other_method(headers: HeaderMap) -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "Not with this method.", &headers)
}

fn refusal(status: StatusCode, detail: &str, headers: &HeaderMap) -> Response {
    access::problem_response(Problem::new(status, detail), headers)
}

/// Records what changed of the configuration since a server started last. Where the audit does not take it, spans are taken all the same, and it is
/// tried until it does.
async fn note_configuration(audit: Audit, config: &Config, listens: SocketAddr) {
    let settings = config.audited();
    let name = format!("control-plane at {listens}");
    let who = Who { name, subject: String::new(), issued_by: "its configuration".into(), role: "server".into() };
    let write_down = async move || {
        let failed = match timeout(NOTED_WITHIN, audit.note_configuration(&who, &settings)).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store does not answer".to_owned(),
        };
        complain(format_args!("the audit did not take how the configuration changed: {failed}"));
        false
    };
    if !write_down().await {
        tokio::spawn(async move {
            loop {
                sleep(NOTED_WITHIN).await;
                if write_down().await {
                    return;
                }
            }
        });
    }
}

/// What keeps what is sent, and what keeps states.
#[derive(Debug, Clone)]
struct Stores {
    spans: Arc<dyn SpanStore>,
    metrics: Arc<dyn MetricStore>,
    log_records: Arc<dyn LogStore>,
    states: Arc<dyn StateStore>,
}

async fn stores(dir: &Path, config: &Config) -> Result<Stores> {
    let Some(address) = config.store()? else {
        if config.states()?.is_some() {
            bail!("states in DynamoDB need spans in ClickHouse: add --store clickhouse://…");
        }
        let store = Arc::new(embedded(dir, config)?);
        return Ok(Stores { spans: store.clone(), metrics: store.clone(), log_records: store.clone(), states: store });
    };
    let spans = ClickHouse::new(&address);
    if spans.migrations().await?.iter().any(|migration| !migration.applied) {
        bail!("the database lacks tables: control-plane migrate makes them");
    }
    let states: Arc<dyn StateStore> = match config.states()? {
        Some(table) => Arc::new(DynamoDbStates::new(table).await),
        None => Arc::new(embedded(dir, config)?),
    };
    let here = states.identity().await?;
    let there = spans.kept_with(&here).await?;
    if here != there {
        bail!(
            "another server keeps the alerts of these spans, in {there}; here they would be in {here}. Servers side by side need \
             --states dynamodb:TABLE, the same for all; if the other is gone for good, TRUNCATE TABLE keeper in the database"
        );
    }
    spans.keep_for(config.retention().max_age / 3_600).await?;
    let store = Arc::new(spans);
    Ok(Stores { spans: store.clone(), metrics: store.clone(), log_records: store, states })
}

fn embedded(dir: &Path, config: &Config) -> Result<Embedded> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let database = dir.join(control_plane_embedded::FILE);
    Embedded::open(&database, config.retention()).with_context(|| format!("cannot open {}", database.display()))
}

/// Makes the sums of what was written, what came by a Collector's table before it.
async fn keep_sums(spans: Arc<dyn SpanStore>, second_way: Option<OtelTraces>, leader: Leader) {
    let make = async || {
        if let Some(from) = &second_way
            && let Err(error) = otel_traces::import(from, &*spans).await
        {
            complain(format_args!("otel_traces: {error}"));
        }
        spans.make_sums().await
    };
    loop {
        if let Some(Err(error)) = leader.meanwhile(make()).await {
            complain(format_args!("sums: {error}"));
        }
        sleep(SUMS_EVERY).await;
    }
}

/// The steps to the tables of the database that the configuration names; those that have not been taken are, if that is wanted, and
/// what a Collector writes to `otel_traces` is read from now on, if a table is named.
pub async fn migrate(config: &Config, apply: bool, otel_traces: Option<&str>) -> Result<Vec<Migration>> {
    let Some(address) = config.store()? else { bail!("name the database: --store clickhouse://…") };
    let store = ClickHouse::new(&address);
    if apply {
        store.migrate().await?;
        if let Some(table) = otel_traces {
            OtelTraces::new(&address).follow(table).await?;
        }
    }
    Ok(store.migrations().await?)
}

/// Span names come from outside: whatever they hold, a page runs nothing but our own script and loads nothing from elsewhere.
async fn secure(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // With `no-referrer` browsers would send `Origin: null` with our own forms.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// What cannot be had now may be had soon.
async fn with_retry_after(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

/// Every route that somebody may ask for who is signed in, or has to be; besides them there are `/healthz` and the intake's.
pub fn routes() -> Vec<RouteRow> {
    [api_routes().merge(pages::routes()).rows(), sign_in_routes().rows()].concat()
}

/// Our own, and Jaeger's.
fn api_routes() -> Routes<Sources> {
    api::routes().merge(jaeger::routes())
}

fn sign_in_routes() -> Routes<Gate> {
    pages::sign_in_routes().merge(api::sign_in_routes())
}

/// Says what the request took here: <https://www.w3.org/TR/server-timing/>.
async fn timed(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let mut response = next.run(request).await;
    // How long an answer takes, and why the store failed, may tell a tenant of what others do.
    if response.extensions().get::<Visitor>().is_some_and(|visitor| visitor.scope().tenant().is_some()) {
        let failed = response.status().is_server_error();
        let problem = || Problem::new(response.status(), "The store does not answer at the moment.").into_response();
        return if failed { problem() } else { response };
    }
    let timing = format!("total;dur={:.3}", begun.elapsed().as_secs_f64() * 1e3);
    if let Ok(timing) = HeaderValue::from_str(&timing) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}
