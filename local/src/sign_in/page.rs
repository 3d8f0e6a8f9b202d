//! The page where a user is chosen. In each pool's configuration it takes the place of the hosted login, which wants a user name and a
//! password typed; it types them. Before that the emulator has judged the request, and after it gives out the code: client, address to come
//! back to, PKCE, code, tokens and keys are all its own.

use std::sync::Arc;

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::{Choice, PATH, Pool, SignIn};
use crate::relay::{self, problem};

/// What a request to sign in consists of: RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1. Nothing else is passed on.
const PARAMETERS: [&str; 8] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
];

#[derive(Debug)]
struct Page {
    pools: [Pool; 2],
    /// The emulator.
    endpoint: String,
    front: String,
    control_plane_url: String,
    client: reqwest::Client,
}

/// The page, and the configuration of each pool that leads to it.
pub fn routes(sign_in: &SignIn, endpoint: &str, front: &str, control_plane_url: &str) -> Result<Router> {
    let page = Page {
        pools: [sign_in.staff.clone(), sign_in.tenants.clone()],
        endpoint: endpoint.to_owned(),
        front: front.to_owned(),
        control_plane_url: control_plane_url.to_owned(),
        client: relay::client()?,
    };
    let router =
        Router::new().route(PATH, get(choose).post(chosen)).route(&format!("{PATH}/{{pool}}"), get(configuration));
    Ok(router.with_state(Arc::new(page)))
}

/// The pool's own configuration, with another page to sign in at.
async fn configuration(State(page): State<Arc<Page>>, Path(pool): Path<String>) -> Response {
    if !page.pools.iter().any(|own| own.id == pool) {
        return problem(StatusCode::NOT_FOUND, "Not Found", "Nobody signs in with this pool.");
    }
    let url = format!("{}/{pool}/.well-known/openid-configuration", page.endpoint);
    let read = async { page.client.get(url).send().await?.error_for_status()?.json::<Value>().await };
    match read.await {
        Ok(mut configuration) => {
            configuration["authorization_endpoint"] = format!("{}{PATH}", page.front).into();
            axum::Json(configuration).into_response()
        }
        Err(_) => no_answer(),
    }
}

/// `GET`: who somebody is.
async fn choose(State(page): State<Arc<Page>>, RawQuery(query): RawQuery) -> Response {
    let asked = asked(query.unwrap_or_default().as_bytes());
    // Refused here as there: an unknown client, another address to come back to, another flow.
    match page.client.get(authorize(&page, &asked)).send().await {
        Ok(answer) if answer.status() == StatusCode::OK => page.show(StatusCode::OK, &asked, None),
        Ok(answer) => passed_on(answer),
        Err(_) => no_answer(),
    }
}

/// `POST`: the user who was chosen signs in.
async fn chosen(State(page): State<Arc<Page>>, form: String) -> Response {
    let asked = asked(form.as_bytes());
    let named = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "username").map(|(_, value)| value);
    let is_named = |user: &&Choice| Some(user.username.as_str()) == named.as_deref();
    let Some(user) = page.pool(&asked).and_then(|pool| pool.users.iter().find(is_named)) else {
        return problem(StatusCode::BAD_REQUEST, "Bad Request", "There is no such user to choose.");
    };
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&asked)
        .append_pair("username", &user.username)
        .append_pair("password", &user.password)
        .finish();
    let request = page.client.post(format!("{}/login", page.endpoint)).body(body);
    match request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").send().await {
        // It asks again.
        Ok(answer) if answer.status() == StatusCode::OK => {
            let why =
                format!("The user pool does not let {} in: their password may be another one by now.", user.username);
            page.show(StatusCode::FORBIDDEN, &asked, Some(&why))
        }
        Ok(answer) => passed_on(answer),
        Err(_) => no_answer(),
    }
}

impl Page {
    fn pool(&self, asked: &[(String, String)]) -> Option<&Pool> {
        let client = asked.iter().find(|(name, _)| name == "client_id").map(|(_, value)| value)?;
        let of = |pool: &&Pool| pool.client_id == *client || pool.cli_client_id.as_ref() == Some(client);
        self.pools.iter().find(of)
    }

    fn show(&self, status: StatusCode, asked: &[(String, String)], trouble: Option<&str>) -> Response {
        let Some(pool) = self.pool(asked) else {
            return problem(StatusCode::BAD_REQUEST, "Bad Request", "The control plane does not know this client.");
        };
        // The answer to the form leads to the control plane, or to a command that waits on this machine, which the policy has to allow too. The
        // style is the control plane's.
        let policy = format!(
            "default-src 'none'; style-src {url}; img-src {url}; form-action 'self' {url} http://localhost:*; base-uri 'none'; frame-ancestors 'none'",
            url = self.control_plane_url
        );
        let headers = [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let typed = authorize(self, asked);
        (status, headers, document(pool, asked, &self.control_plane_url, &typed, trouble)).into_response()
    }
}

fn document(pool: &Pool, asked: &[(String, String)], style: &str, typed: &str, trouble: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sign in · local cloud" }
                link rel="icon" href=(format!("{style}/static/icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(format!("{style}/static/style.css"));
            }
            body {
                main {
                    h1 { "Sign in" }
                    @if let Some(trouble) = trouble { p.problem role="alert" { (trouble) } }
                    p { "This is the local cloud's user pool " code { (pool.id) } ". Each of its users is one click away." }
                    form method="post" action=(PATH) aria-labelledby="whose" {
                        h2 #whose { (pool.heading) }
                        @for (name, value) in asked { input type="hidden" name=(name) value=(value); }
                        ul.choices {
                            @for user in &pool.users {
                                li { button name="username" value=(user.username) { (user.username) " (" (user.is) ")" } }
                            }
                        }
                    }
                    p { a href=(typed) { "Somebody else, by user name and password" } }
                }
            }
        }
    }
}

/// The emulator's own page for this request.
fn authorize(page: &Page, asked: &[(String, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
    format!("{}/oauth2/authorize?{query}", page.endpoint)
}

/// The parameters that are passed on.
fn asked(pairs: &[u8]) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(pairs).into_owned();
    pairs.filter(|(name, _)| PARAMETERS.contains(&name.as_str())).collect()
}

/// The emulator's answer: the way back to the control plane, or why there is none.
fn passed_on(answer: reqwest::Response) -> Response {
    let status = answer.status();
    match answer.headers().get(header::LOCATION).cloned() {
        Some(location) => {
            (status, [(header::LOCATION, location)], [(header::CACHE_CONTROL, "no-store")]).into_response()
        }
        None => problem(status, "Sign-in refused", "The user pool does not take this request to sign in."),
    }
}

fn no_answer() -> Response {
    problem(StatusCode::BAD_GATEWAY, "Bad Gateway", "The local cloud does not answer.")
}
