//! Who sent a request, and the answer for those who may not ask for it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use control_plane_model::store::{Scope, StateStore};
use http::{HeaderMap, HeaderValue, Uri, header, request::Parts};
use jiff::Timestamp;

use crate::{Access, AccessError, Authenticated, Browser, Principal, Role, Settings, secrets};

/// Makes the answer for whoever is not let in: a page for a browser, a problem document for a program.
pub type Refuse = fn(&AccessError, &HeaderMap, &Uri) -> Response;

/// How long it may take to find out who somebody is.
const KNOWN_WITHIN: Duration = Duration::from_secs(8);

/// What is least to be written, for whoever wrote nothing.
const ACCESS: &str = r#"[access]
url = "https://…"                # where browsers find it

[access.staff]
provider = { issuer = "https://…", client_id = "…", client_secret = "$CLIENT_SECRET" }
role_claim = "groups"
operators = ["…"]"#;

/// What stands before every page and the API.
#[derive(Debug, Clone)]
pub struct Gate {
    guarded: Guarded,
    refuse: Refuse,
}

#[derive(Debug, Clone)]
enum Guarded {
    /// Nobody has to sign in, since only loopback can reach the server.
    Open(Browser),
    /// Only users who sign in, and programs with a token or a key, are admitted.
    By(Arc<Access>),
}

impl Gate {
    /// The gate that the configuration wants for a server that listens there.
    ///
    /// # Errors
    ///
    /// What is to be written, where a network could reach a server that asks nobody who they are; what cannot be meant.
    pub fn new(
        settings: Option<Settings>,
        listens: SocketAddr,
        states: Arc<dyn StateStore>,
        refuse: Refuse,
    ) -> Result<Self, String> {
        let guarded = match settings {
            Some(settings) => Guarded::By(Arc::new(Access::new(settings, states)?)),
            None if listens.ip().is_loopback() => Guarded::Open(Browser::on_loopback()),
            None => {
                return Err(format!(
                    "{listens} can be reached from other machines, and nobody would be asked who they are. Listen on 127.0.0.1, or say who may \
                     see what in the file of --config (docs/control-plane.md#access):\n\n{ACCESS}"
                ));
            }
        };
        Ok(Self { guarded, refuse })
    }

    async fn visitor(&self, request: &Parts) -> Result<Option<Visitor>, AccessError> {
        // A target may name its host itself (RFC 9112 §3.2.2): whoever stands in front may have gone by that.
        let host = request.headers.get(header::HOST).map(HeaderValue::as_bytes);
        if request.uri.authority().is_some_and(|named| Some(named.as_str().as_bytes()) != host) {
            return Err(AccessError::Foreign("This server does not answer to that name."));
        }
        match &self.guarded {
            Guarded::Open(browser) => {
                browser.check(&request.method, &request.headers)?;
                let by = "loopback".to_owned();
                let subject = String::new();
                let principal = Principal { name: by.clone(), subject, issued_by: by, role: Role::Operator };
                Ok(Some(Visitor(Authenticated { principal, csrf: None, bearer: None })))
            }
            Guarded::By(access) => {
                access.check_source(&request.method, &request.headers)?;
                let who = tokio::time::timeout(KNOWN_WITHIN, access.authenticate(&request.headers, Timestamp::now()));
                let who = who.await.map_err(|_| AccessError::Unavailable("that takes too long"))?;
                Ok(who?.map(Visitor))
            }
        }
    }

    /// Sign-in, where there is one.
    pub fn access(&self) -> Option<&Access> {
        match &self.guarded {
            Guarded::By(access) => Some(access),
            Guarded::Open(_) => None,
        }
    }
}

/// Who asks, in the extensions of a request that was let in: [`guard`] alone makes one.
#[derive(Debug, Clone)]
pub struct Visitor(Authenticated);

impl Visitor {
    /// The person or program that sent the request.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// What they may see.
    pub fn scope(&self) -> Scope {
        self.0.principal.scope()
    }

    /// What a form of theirs brings along, or `None` where no cookie says who they are.
    pub fn csrf(&self) -> Option<&str> {
        self.0.csrf.as_deref()
    }

    /// The SHA-256 of the token or the key that was verified, or `None` where a cookie or nothing says who they are.
    pub fn bearer(&self) -> Option<&str> {
        self.0.bearer.as_deref()
    }

    /// Holds a form to what it had to bring along.
    ///
    /// # Errors
    ///
    /// [`AccessError::Foreign`].
    pub fn check_form(&self, csrf: Option<&str>) -> Result<(), AccessError> {
        match &self.0.csrf {
            Some(own) if !csrf.is_some_and(|given| secrets::same_masked(own, given)) => {
                Err(AccessError::Foreign("This form is not of your session. Open its page again."))
            }
            _ => Ok(()),
        }
    }
}

/// Lets a request in with who sent it; each route then says who may.
pub async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut request, body) = request.into_parts();
    match gate.visitor(&request).await {
        Ok(visitor) => {
            if let Some(visitor) = &visitor {
                request.extensions.insert(visitor.clone());
            }
            let mut response = next.run(Request::from_parts(request, body)).await;
            // The layers around this one read the visitor from the response.
            if let Some(visitor) = visitor {
                response.extensions_mut().insert(visitor);
            }
            // What somebody saw is not shown to whoever comes after them at the same machine, or through the same proxy.
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => (gate.refuse)(&error, &request.headers, &request.uri),
    }
}
