//! `control-plane login` and `logout`: a user's own tokens, for commands that ask a control plane.
//!
//! | file | idea |
//! |---|---|
//! | `server` | the control plane that a command asks: tokens are kept by its origin, and sent nowhere else |
//! | `flow` | the code flow of a program on a user's own machine (RFC 8252) |
//! | `redirect` | where the browser comes back to |
//! | `provider` | the OpenID provider: its configuration, codes and refresh tokens |
//! | `id_token` | what an ID token says |
//! | `tokens` | the file that keeps them |

mod flow;
mod id_token;
mod provider;
mod redirect;
mod server;
mod tokens;

use std::{io::Write, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use control_plane::visible;
use serde::Deserialize;

use provider::{Offered, Provider};
pub(crate) use server::Server;
use tokens::Tokens;

/// The port that browsers come back to: some providers want it to be registered.
const PORT: u16 = 8318;
/// Where a program brings a token or a service key.
const VARIABLE: &str = "CONTROL_PLANE_TOKEN";
/// A token that ends sooner is exchanged for another before it is sent: clocks differ, and a request takes its time.
const GOOD_FOR: i64 = 30;

/// The options of `login`.
#[derive(Args)]
pub(crate) struct Login {
    /// The control plane.
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
    url: String,
    /// Whether you sign in as staff that runs the system, or as a user of a tenant.
    #[arg(long = "as", value_enum)]
    whose: Option<SignInAs>,
    /// The port of this machine to which the browser returns; your provider may require that you register http://localhost:PORT/callback. 0 takes a
    /// free one.
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// How many seconds to wait for the browser.
    #[arg(long, default_value_t = 300)]
    wait: u64,
    /// Only print the address to open.
    #[arg(long)]
    no_browser: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum SignInAs {
    Staff,
    Tenants,
}

/// The options of `logout`.
#[derive(Args)]
pub(crate) struct Logout {
    /// The control plane.
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "http://127.0.0.1:4318")]
    url: String,
}

/// What `/api/sign-in` answers.
#[derive(Deserialize)]
struct How {
    issuers: Vec<Offered>,
}

/// Signs in, and keeps the tokens; what to say of it.
pub(crate) async fn login(asked: &Login) -> Result<String> {
    let server = Server::at(&asked.url)?;
    server.is_told_secrets()?;
    // Whether the file can be used is checked first, so that nobody signs in for nothing.
    let tokens = Tokens::of_this_user()?;
    tokens.read()?;
    let how: How = serde_json::from_str(&server.get("/api/sign-in", &[], None).await?)?;
    let offered = chosen(how.issuers, asked.whose)?;
    let provider = Provider::discover(offered).await?;
    let kept = flow::sign_in(&provider, asked.port, Duration::from_secs(asked.wait), |page| {
        say(&format!("To sign in to {server}, open this page in a browser:\n{page}"));
        if !asked.no_browser {
            redirect::open(page);
        }
    })
    .await?;
    let who = kept.user_name();
    tokens.lock().await?.change(|all| drop(all.insert(server.to_string(), kept)))?;
    Ok(format!("Signed in to {server} as {}.\n", visible::line(&who)))
}

fn chosen(mut offered: Vec<Offered>, whose: Option<SignInAs>) -> Result<Offered> {
    if offered.is_empty() {
        bail!("this control plane has no client for the command line (cli_client_id); use a service key in {VARIABLE}");
    }
    let name = match whose {
        Some(SignInAs::Tenants) => "tenants",
        Some(SignInAs::Staff) => "staff",
        None if offered.len() == 1 => return Ok(offered.remove(0)),
        None => "staff",
    };
    let found = offered.into_iter().find(|offered| offered.name == name);
    found.with_context(|| format!("this control plane has no sign-in from the command line for {name}"))
}

/// Forgets the tokens of a control plane, and has the provider forget them where it can; what to say of it.
pub(crate) async fn logout(asked: &Logout) -> Result<String> {
    let server = Server::at(&asked.url)?;
    let tokens = Tokens::of_this_user()?;
    let mut kept = None;
    // No folder is made for somebody who was never signed in.
    if tokens.read()?.contains_key(server.as_str()) {
        tokens.lock().await?.change(|all| kept = all.remove(server.as_str()))?;
    }
    let Some(kept) = kept else { return Ok(format!("You were not signed in to {server}.\n")) };
    if let Err(error) = provider::revoke(&kept).await {
        say(&format!("The provider could not be told: {error:#}"));
    }
    Ok(format!("Signed out of {server}.\n"))
}

/// The token to bring along to a control plane: the environment's, or that of whoever signed in to it, or `None` where nobody did.
pub(crate) async fn token(server: &Server) -> Result<Option<String>> {
    // The token comes from a variable and not from an argument, since other users of the machine could read an argument.
    if let Some(token) = std::env::var(VARIABLE).ok().filter(|token| !token.is_empty()) {
        server.is_told_secrets()?;
        return Ok(Some(token));
    }
    let Ok(tokens) = Tokens::of_this_user() else { return Ok(None) };
    let Some(kept) = tokens.read()?.remove(server.as_str()) else { return Ok(None) };
    server.is_told_secrets()?;
    if kept.is_good_for(GOOD_FOR) {
        return Ok(Some(kept.id_token));
    }
    // One command at a time: a refresh token may be good once.
    let locked = tokens.lock().await?;
    let Some(kept) = locked.read()?.remove(server.as_str()) else { return Ok(None) };
    if kept.is_good_for(GOOD_FOR) {
        return Ok(Some(kept.id_token));
    }
    match provider::refresh(&kept).await? {
        Some(fresh) => {
            let token = fresh.id_token.clone();
            locked.change(|all| drop(all.insert(server.to_string(), fresh)))?;
            Ok(Some(token))
        }
        None => {
            locked.change(|all| drop(all.remove(server.as_str())))?;
            bail!("your sign-in has expired; {}", server.way_in());
        }
    }
}

fn say(text: &str) {
    // Nobody may be reading standard error, which is no reason to fail.
    let _unread = writeln!(std::io::stderr(), "{}", visible::lines(text));
}
