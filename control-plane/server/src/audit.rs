//! Who is recorded in the audit, and from where. What a record is, and how it is kept, is `control-plane-audit`'s.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use control_plane_access::{Access, AccessError, Principal, Role, Visitor, Vouched};
use control_plane_audit::{Audit, AuditEvent, Outcome, Source, What, Who};
use jiff::Timestamp;

use crate::problem::{Problem, in_time};

/// The source of a request, as the audit records it.
#[derive(Debug, Clone)]
pub(crate) struct FromWhere(pub(crate) Source);

impl<S: Sync> FromRequestParts<S> for FromWhere {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
        // Several lines are one list (RFC 9110 §5.3): a proxy may add a line of its own.
        let lines = parts.headers.get_all("x-forwarded-for").iter();
        let claimed: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let claimed = Some(claimed.join(", ")).filter(|claimed| !claimed.is_empty());
        Ok(Self(Source::of(peer, claimed.as_deref())))
    }
}

/// The sender and the source of a request, with which a change is recorded.
#[derive(Debug, Clone)]
pub(crate) struct By(pub(crate) Who, pub(crate) Source);

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(FromWhere(from)) = FromWhere::from_request_parts(parts, state).await;
        let visitor = parts.extensions.get::<Visitor>().ok_or(AccessError::NotAuthenticated)?;
        Ok(Self::of(visitor, from))
    }
}

impl By {
    fn of(visitor: &Visitor, from: Source) -> Self {
        let Principal { name, subject, issued_by, role } = visitor.principal().clone();
        Self(Who { name, subject, issued_by, role: role.name().into() }, from)
    }
}

/// Records whom the provider vouched for, where that is an operator, before they have a session. One of the staff who has no role is recorded
/// once an hour, since they may try as often as they like.
pub(crate) async fn signs_in(audit: &Audit, access: &Access, vouched: &Vouched, from: Source) -> Result<(), Problem> {
    let Vouched { name, subject, issued_by, role, .. } = vouched;
    let of = |role: &str| Who {
        name: name.clone(),
        subject: subject.clone(),
        issued_by: issued_by.clone(),
        role: role.to_owned(),
    };
    match role {
        Ok(role @ Role::Operator) => {
            in_time(audit.record(AuditEvent::new(What::SignIn, of(role.name()), from))).await.map(|_| ())
        }
        Err(AccessError::NotAllowed(why)) if access.is_staff(vouched) => {
            let why = Some((*why).to_owned());
            let event =
                AuditEvent { outcome: Outcome::Refused, why, ..AuditEvent::new(What::SignIn, of("none"), from) };
            let hour = Timestamp::now().as_second() / 3_600;
            in_time(audit.record_once(&format!("{issued_by} {subject} {name} {hour}"), event)).await
        }
        _ => Ok(()),
    }
}

/// Records a token or a key of an operator when it comes first.
pub(crate) async fn note_token(
    State(audit): State<Audit>,
    FromWhere(from): FromWhere,
    request: Request,
    next: Next,
) -> Response {
    let visitor = request.extensions().get::<Visitor>().filter(|visitor| visitor.principal().may_change());
    if let Some((visitor, bearer)) = visitor.and_then(|visitor| Some((visitor, visitor.bearer()?))) {
        let By(who, from) = By::of(visitor, from);
        let key = format!("{} {} {} {bearer}", who.issued_by, who.subject, who.name);
        let event = AuditEvent::new(What::Token, who, from);
        if let Err(problem) = in_time(audit.record_once(&key, event)).await {
            return problem.into_response();
        }
    }
    next.run(request).await
}
