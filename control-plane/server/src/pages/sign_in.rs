//! The pages of signing in and out.

use axum::{
    Extension, Form,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use control_plane_access::{Access, Gate, May, Routes, SESSION_COOKIE, SIGN_IN_COOKIE, Visitor};
use control_plane_audit::Audit;
use jiff::Timestamp;
use maud::html;
use serde::Deserialize;

use crate::{
    access::{problem_response, refuse},
    api::{Id, Query},
    audit::{FromWhere, signs_in},
    layout::{failed, outside},
    problem::Problem,
    text::link,
};

/// Paths of signing in and out.
pub(crate) fn routes() -> Routes<Gate> {
    Routes::new(refuse)
        .get(May::Anybody, "/sign-in", choose)
        .get(May::Anybody, "/sign-in/{issuer}", begin)
        .get(May::Anybody, "/sign-in/callback", callback)
        .post(May::Anybody, "/sign-out", sign_out)
}

/// What a page is asked for with that leads to a sign-in.
#[derive(Debug, Deserialize)]
struct ReturnTo {
    #[serde(default)]
    return_to: String,
}

/// `GET /sign-in`: who somebody is.
async fn choose(State(gate): State<Gate>, asked: Result<Query<ReturnTo>, Problem>) -> Result<Response, Response> {
    let (access, Query(asked)) = (access(&gate).map_err(refused)?, asked.map_err(refused)?);
    let of = |issuer: &str| link(&format!("/sign-in/{issuer}"), &[("return_to", asked.return_to.clone())]);
    let content = html! {
        p { "See how well each tenant is served, and find any trace. How do you want to sign in?" }
        ul.choices {
            @for issuer in access.issuers() {
                li { a.button.primary href=(of(issuer)) {
                    @if issuer == "staff" { "I run the system" } @else { "I work for a customer" }
                } }
            }
        }
    };
    Ok(outside(StatusCode::OK, "Sign in", &content))
}

/// `GET /sign-in/{issuer}`: to the provider.
async fn begin(
    State(gate): State<Gate>,
    issuer: Result<Id, Problem>,
    asked: Result<Query<ReturnTo>, Problem>,
) -> Result<Response, Response> {
    let begun = async {
        let (access, Id(issuer), Query(asked)) = (access(&gate)?, issuer?, asked?);
        let begun = access.begin(&issuer, &asked.return_to, Timestamp::now()).await?;
        Ok(([(header::SET_COOKIE, access.sign_in_cookie(&begun.cookie))], Redirect::to(&begun.location))
            .into_response())
    };
    begun.await.map_err(refused)
}

/// What a provider sends a browser back with: RFC 6749 §4.1.2, RFC 9207.
#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    iss: Option<String>,
}

/// `GET /sign-in/callback`: back from the provider.
async fn callback(
    State(gate): State<Gate>,
    Extension(audit): Extension<Audit>,
    FromWhere(from): FromWhere,
    headers: HeaderMap,
    back: Result<Query<Back>, Problem>,
) -> Result<Response, Response> {
    let finished = async {
        let (access, Query(back)) = (access(&gate)?, back?);
        let now = Timestamp::now();
        let vouched = access.finish(&back.code, &back.state, back.iss.as_deref(), &headers, now).await?;
        signs_in(&audit, access, &vouched, from).await?;
        let signed_in = access.begin_session(vouched, &headers, now).await?;
        let cookies = [access.session_cookie(&signed_in.session), access.no_cookie(SIGN_IN_COOKIE)];
        Ok((set(cookies), Redirect::to(&signed_in.return_to)).into_response())
    };
    finished.await.map_err(refused)
}

/// What a form brings along to show that it is of this session.
#[derive(Debug, Deserialize)]
struct Token {
    csrf: Option<String>,
}

/// `POST /sign-out`: the session ends for everybody who has its cookie.
async fn sign_out(
    State(gate): State<Gate>,
    visitor: Option<Extension<Visitor>>,
    headers: HeaderMap,
    form: Result<Form<Token>, FormRejection>,
) -> Response {
    let ended = async {
        let Form(token) = form.map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
        let access = access(&gate)?;
        // A user whose session is over already has nothing to end.
        if let Some(Extension(visitor)) = visitor {
            visitor.check_form(token.csrf.as_deref())?;
            access.sign_out(&headers).await?;
        }
        Ok((set([access.no_cookie(SESSION_COOKIE)]), Redirect::to("/sign-in")).into_response())
    };
    ended.await.unwrap_or_else(|problem| problem_response(problem, &headers))
}

/// Sign-in, where there is one.
fn access(gate: &Gate) -> Result<&Access, Problem> {
    gate.access().ok_or_else(|| Problem::not_found("Sign-in is not configured on this control plane."))
}

fn set<const N: usize>(cookies: [String; N]) -> axum::response::AppendHeaders<[(HeaderName, String); N]> {
    axum::response::AppendHeaders(cookies.map(|cookie| (header::SET_COOKIE, cookie)))
}

/// A sign-in happens in a browser: whatever went wrong, a person reads it.
fn refused(problem: Problem) -> Response {
    failed(&problem, "/sign-in", "Back to sign-in")
}
