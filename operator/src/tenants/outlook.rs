//! What a change of access lists would have refused in the last day, as a control plane tells.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use tenancy::TenantId;
use tenant_registry::{Caller, Change, Outlook};

/// Holds a token or a service key for the control plane.
const TOKEN: &str = "CONTROL_PLANE_TOKEN";
/// A server gives up a question before.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Where it is known who called in the last day, and what is done without an answer.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The control plane that knows who called in the last 24 hours. Where it asks who you are, CONTROL_PLANE_TOKEN holds a token or a service key.
    #[arg(long, env = "CONTROL_PLANE_URL", value_name = "URL")]
    control_plane: Option<Url>,
    /// Change the lists even though they would have refused more than half of the tenant's requests of the last 24 hours, or nobody can say how many.
    #[arg(long)]
    refuse_most: bool,
}

/// What of the control plane's answer is needed.
#[derive(Deserialize)]
struct Callers {
    callers: Vec<Caller>,
}

impl Asking {
    /// Refuses a change that may have refused most of what came in the last day, unless that is meant.
    pub(super) async fn is_meant(&self, tenant: &TenantId, change: &Change) -> Result<()> {
        let Change::AccessLists { from, to } = change else { return Ok(()) };
        if self.refuse_most || !to.may_refuse_more_than(from) {
            return Ok(());
        }
        let callers = match &self.control_plane {
            Some(url) => callers(url, tenant).await,
            None => bail!(
                "no control plane was asked whom these lists would have refused in the last 24 hours: name one by --control-plane or \
                 CONTROL_PLANE_URL, or say --refuse-most"
            ),
        };
        let callers = callers.context("nobody can say whom these lists would have refused in the last 24 hours; --refuse-most changes them all the same")?;
        let outlook = Outlook::of(to, &callers, Timestamp::now().as_second());
        if outlook.may_be_most() {
            bail!("{} Nothing was changed; --refuse-most changes them all the same", outlook.in_words());
        }
        Ok(())
    }
}

async fn callers(control_plane: &Url, tenant: &TenantId) -> Result<Vec<Caller>> {
    let is_loopback = matches!(control_plane.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    if token.is_some() && control_plane.scheme() != "https" && !is_loopback {
        bail!("tokens and keys are sent by https or on loopback alone, not to {control_plane}");
    }
    let mut client = Client::builder().timeout(ANSWER_WITHIN).redirect(Policy::none());
    if is_loopback {
        client = client.no_proxy();
    }
    // The system's certificate authorities are read where TLS needs them.
    if control_plane.scheme() != "https" {
        client = client.tls_certs_only([]);
    }
    let mut request = client.build()?.get(control_plane.join(&format!("/api/tenants/{tenant}/callers"))?);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.with_context(|| format!("no answer from {control_plane}"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        bail!("{control_plane} answers {status}: {}", problem["detail"].as_str().unwrap_or_default());
    }
    Ok(serde_json::from_str::<Callers>(&text).context("the control plane's answer cannot be read")?.callers)
}
