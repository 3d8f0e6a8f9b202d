//! Authentication and authorisation of the control plane: who may see and do what.
//!
//! | item | idea |
//! |---|---|
//! | [`Access`] | says who sent a request: by the cookie of a session, the token of an issuer, or a service key |
//! | [`Principal`], [`Role`] | who that is, and what they may do |
//! | [`Settings`] | who may sign in, from the configuration file |
//! | [`Routes`], [`May`] | a router whose routes each say who may ask for them |
//! | [`Gate`], [`guard`], [`Visitor`] | the layer before it, which finds out who asks |
//! | `issuer` | an OpenID provider: where it is found, and whom its ID tokens make of their bearer |
//! | `sign_in` | the code flow: to the provider, and back |
//! | `sessions` | who is signed in, by the hash of a random id |
//! | `verified` | tokens that were verified a moment ago |
//! | `service_keys` | keys of programs, with a role, a name and an end |
//! | `browser` | what a browser says of where a request comes from |
//!
//! How an answer looks is the server's: it gives [`Refuse`].
//!
//! # Guarantees
//!
//! - A token of the tenants' issuer makes a [`Role::Tenant`], whatever its claims say.
//! - Of session ids and service keys only hashes are kept: whoever reads the store can use none of them. Of a sign-in nothing is kept.
//! - The `state` of a sign-in is good for ten minutes in the browser that began it. That its code is exchanged once is the provider's to hold.

mod access;
mod browser;
mod error;
mod gate;
mod issuer;
mod principal;
mod routes;
mod secrets;
mod service_keys;
mod sessions;
mod settings;
mod sign_in;
mod verified;

pub use access::{Access, Authenticated, CommandLine};
pub use browser::Browser;
pub use error::AccessError;
pub use gate::{Gate, Refuse, Visitor, guard};
pub use principal::{Principal, Role};
pub use routes::{May, RouteRow, Routes};
pub use sessions::SESSION_COOKIE;
pub use settings::{
    IssuerSettings, Secret, ServiceKeySettings, SessionSettings, Settings, StaffSettings, TenantsSettings,
};
pub use sign_in::{SIGN_IN_COOKIE, SignInStarted, SignedIn, Vouched};
