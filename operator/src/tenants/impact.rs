//! Whether a change of access lists is made, by whom it would have refused in the last day as a control plane tells.

use std::{
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use tenancy::TenantId;
use tenant_registry::{Caller, Change, Verdict};

/// Holds a token or a service key for the control plane.
const TOKEN: &str = "CONTROL_PLANE_TOKEN";
/// Longer than a server takes for an answer before it gives up.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Where it is known who called in the last day, and whether whoever asks has confirmed the change.
#[derive(Debug, Args)]
pub(super) struct Confirmation {
    /// The control plane that knows who called in the last 24 hours. If it has access control, set CONTROL_PLANE_TOKEN to a token or a service key.
    #[arg(long, env = "CONTROL_PLANE_URL", value_name = "URL")]
    control_plane: Option<Url>,
    /// Do not ask, even if the lists would have refused more than half of the tenant's requests of the last 24 hours, or nobody can say how many.
    #[arg(long)]
    refuse_most: bool,
}

/// What of the control plane's answer is needed.
#[derive(Deserialize)]
struct Callers {
    callers: Vec<Caller>,
}

impl Confirmation {
    /// Stops a change that has to be confirmed, unless it is: at a terminal by an answer, else by the option.
    pub(super) async fn obtain(&self, tenant: &TenantId, change: &Change) -> Result<()> {
        let Change::AccessLists { from, to } = change else { return Ok(()) };
        if self.refuse_most || !to.may_refuse_more_than(from) {
            return Ok(());
        }
        let callers = match &self.control_plane {
            Some(url) => callers(url, tenant).await.map_err(|error| format!("{error:#}.")),
            None => Err("no control plane is named by --control-plane or CONTROL_PLANE_URL.".to_owned()),
        };
        let callers = callers.as_deref().map_err(String::clone);
        let mut stderr = std::io::stderr();
        match Verdict::of(from, to, callers, Timestamp::now().as_second()) {
            Verdict::Make => Ok(()),
            Verdict::MakeUnforeseen(why) => {
                let _unread = writeln!(stderr, "operator: {} It is blocked all the same.", printable(&why));
                Ok(())
            }
            Verdict::Confirm(why) if std::io::stdin().is_terminal() && stderr.is_terminal() => {
                ask(&why, &mut std::io::stdin().lock(), &mut stderr)
            }
            Verdict::Confirm(why) => bail!("{} Nothing was changed; with --refuse-most it is", printable(&why)),
        }
    }
}

/// What a server said commands no terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Asks at a terminal; only a yes is one.
fn ask(why: &str, from: &mut impl BufRead, to: &mut impl Write) -> Result<()> {
    write!(to, "{} Change them all the same? [y/N] ", printable(why))?;
    to.flush()?;
    let mut answer = String::new();
    from.read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was changed");
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_confirms() {
        for (answer, is_yes) in
            [("y\n", true), (" yes \n", true), ("n\n", false), ("\n", false), ("", false), ("yeah\n", false)]
        {
            let mut shown = Vec::new();
            let confirmed = ask("100 %\x1b[2J.", &mut answer.as_bytes(), &mut shown);
            assert_eq!(confirmed.is_ok(), is_yes, "{answer:?}");
            assert_eq!(String::from_utf8(shown).unwrap(), "100 %\u{fffd}[2J. Change them all the same? [y/N] ");
        }
    }
}
