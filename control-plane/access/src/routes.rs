//! A router whose routes each say who may ask for them: there is no way to add one that does not.

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    middleware::{Next, from_fn},
    routing::{self, MethodRouter},
};
use http::Method;

use crate::{AccessError, Refuse, Role, Visitor};

/// Who may send requests to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Whoever reaches the server, signed in or not.
    Anybody,
    /// Whoever is signed in: a tenant's user sees their own figures.
    SignedIn,
    /// Viewers and operators may use the route.
    Staff,
    /// Only operators may use the route.
    Operators,
}

impl May {
    fn admits(self, visitor: Option<&Visitor>) -> Result<(), AccessError> {
        let role = visitor.map(|visitor| &visitor.principal().role);
        match (self, role) {
            (Self::Anybody, _) | (Self::SignedIn, Some(_)) => Ok(()),
            (_, None) => Err(AccessError::NotAuthenticated),
            (Self::Staff, Some(Role::Viewer | Role::Operator)) | (Self::Operators, Some(Role::Operator)) => Ok(()),
            (Self::Staff, Some(_)) => Err(AccessError::NotAllowed("This is for those who run the system.")),
            (Self::Operators, Some(_)) => Err(AccessError::NotAllowed("This is for operators.")),
        }
    }
}

/// A route, as a test lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// `GET`, `POST`.
    pub method: Method,
    /// The path with its parameters: `/api/traces/{id}`.
    pub path: &'static str,
    /// Who may send requests to this route.
    pub may: May,
}

/// Routes, and who may ask for each.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    rows: Vec<RouteRow>,
    refuse: Refuse,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Makes an empty set of routes. `refuse` makes the answer for senders who may not use a route.
    pub fn new(refuse: Refuse) -> Self {
        Self { router: Router::new(), rows: Vec::new(), refuse }
    }

    /// Adds a route that is asked for with `GET`.
    #[must_use]
    pub fn get<T: 'static>(self, may: May, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(may, Method::GET, path, routing::get(handler))
    }

    /// Adds a route that is asked for with `POST`.
    #[must_use]
    pub fn post<T: 'static>(self, may: May, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(may, Method::POST, path, routing::post(handler))
    }

    fn add(mut self, may: May, method: Method, path: &'static str, handler: MethodRouter<S>) -> Self {
        let refuse = self.refuse;
        let guard = move |request: Request, next: Next| async move {
            match may.admits(request.extensions().get::<Visitor>()) {
                Ok(()) => next.run(request).await,
                Err(error) => refuse(&error, request.headers(), request.uri()),
            }
        };
        self.router = self.router.route(path, handler.layer(from_fn(guard)));
        self.rows.push(RouteRow { method, path, may });
        self
    }

    /// Adds another group of routes to these.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.rows.extend(other.rows);
        self
    }

    /// Every route, with who may use it.
    pub fn rows(&self) -> &[RouteRow] {
        &self.rows
    }

    /// The router; a request is let in by [`guard`](crate::guard), which is laid around it.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}
