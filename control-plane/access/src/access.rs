//! Finds out who sent a request.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use control_plane_model::store::StateStore;
use cookie::{Cookie, SameSite, time::Duration};
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;

use crate::{
    AccessError, Browser, Principal, SESSION_COOKIE, SIGN_IN_COOKIE, Settings, SignInStarted, SignedIn, Vouched,
    browser::{origin, single_header},
    issuer::{self, Issuer},
    secrets,
    service_keys::ServiceKeys,
    sessions::Sessions,
    sign_in::{self, SignIns},
    verified::Verified,
};

/// The path that a provider sends browsers back to.
const CALLBACK: &str = "/sign-in/callback";

/// A verified sender, and how it was verified.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who sent the request.
    pub principal: Principal,
    /// The token that forms of this session have to send back; its text differs in each answer. It is `None` where a token or a key came with the
    /// request, since no browser sends these by itself.
    pub csrf: Option<String>,
    /// The SHA-256 of the token or the key that came with the request, however the header was written, or `None` where none came.
    pub bearer: Option<String>,
}

/// How a program on a user's own machine signs them in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CommandLine {
    /// `staff` or `tenants`.
    pub name: &'static str,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Where the provider's configuration is.
    pub discovery_url: String,
    /// The id of the provider's public client, which has no secret.
    pub client_id: String,
}

/// Knows who may see what.
#[derive(Debug)]
pub struct Access {
    browser: Browser,
    allowed_origins: Vec<HeaderValue>,
    staff: Option<Issuer>,
    tenants: Option<Issuer>,
    service_keys: ServiceKeys,
    verified: Verified,
    sessions: Sessions,
    sign_ins: SignIns,
}

impl Access {
    /// From the configuration, with sessions in `states`. Nothing is asked of an issuer yet.
    ///
    /// # Errors
    ///
    /// What cannot be meant.
    pub fn new(settings: Settings, states: Arc<dyn StateStore>) -> Result<Self, String> {
        let browser = Browser::at(&settings.url)?;
        let allowed_origins = settings.allowed_origins.iter().map(|url| origin(url)).collect::<Result<_, _>>()?;
        if let (Some(staff), Some(tenants)) = (&settings.staff, &settings.tenants)
            && staff.provider.issuer == tenants.provider.issuer
        {
            return Err(
                "access.staff and access.tenants have one issuer: a tenant's user could become an operator".into()
            );
        }
        let providers = [
            settings.staff.as_ref().map(|staff| &staff.provider),
            settings.tenants.as_ref().map(|tenants| &tenants.provider),
        ];
        for provider in providers.into_iter().flatten() {
            if !issuer::is_private(&issuer::discovery_url(provider)) {
                return Err(format!("{}: an issuer is found by https, or on loopback", provider.issuer));
            }
        }
        if settings.session.idle_minutes == 0 || settings.session.max_hours == 0 {
            return Err("access.session: a session lasts a minute at least".to_owned());
        }
        let sign_ins = SignIns { redirect_url: browser.url_of(CALLBACK) };
        Ok(Self {
            service_keys: ServiceKeys::new(&settings.service_keys)?,
            verified: Verified::default(),
            sessions: Sessions::new(states, settings.session),
            staff: settings.staff.map(Issuer::of_staff),
            tenants: settings.tenants.map(Issuer::of_tenants),
            browser,
            allowed_origins,
            sign_ins,
        })
    }

    /// Holds a request to this server's own names, and one that changes something and brings a cookie to its own pages.
    ///
    /// # Errors
    ///
    /// [`AccessError::Foreign`].
    pub fn check_source(&self, method: &Method, headers: &HeaderMap) -> Result<(), AccessError> {
        // A token or a key is brought by programs, and by no browser on its own.
        let method = if headers.contains_key(header::AUTHORIZATION) { &Method::GET } else { method };
        self.browser.check(method, headers)
    }

    /// Who sent a request with these headers; `None` where it does not say.
    ///
    /// # Errors
    ///
    /// [`AccessError::NotAuthenticated`] for a token or a key that is not valid, [`AccessError::NotAllowed`] for one whose bearer has no role,
    /// [`AccessError::Unavailable`] where it cannot be judged.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<Authenticated>, AccessError> {
        if headers.contains_key(header::AUTHORIZATION) {
            let bearer =
                single_header(headers, header::AUTHORIZATION).and_then(bearer).ok_or(AccessError::NotAuthenticated)?;
            let principal = self.bearer(bearer, now).await?;
            return Ok(Some(Authenticated { principal, csrf: None, bearer: Some(secrets::hash(bearer)) }));
        }
        let Some(id) = self.cookie(headers, SESSION_COOKIE) else { return Ok(None) };
        let principal = self.sessions.principal(&id, now).await?;
        let Some(principal) = principal else { return Ok(None) };
        Ok(Some(Authenticated { principal, csrf: Some(csrf(&id)?), bearer: None }))
    }

    async fn bearer(&self, bearer: &str, now: Timestamp) -> Result<Principal, AccessError> {
        if ServiceKeys::is_one(bearer) {
            return self.service_keys.principal(bearer, now);
        }
        let hash = secrets::hash(bearer);
        if let Some(principal) = self.verified.principal(&hash, now) {
            return Ok(principal);
        }
        // Which issuer is asked follows from what the token says; whether it is the issuer's, from its signature.
        let said = UnverifiedClaims::of_token(bearer).ok_or(AccessError::NotAuthenticated)?;
        let issuers = [&self.staff, &self.tenants].into_iter().flatten();
        let issuer = issuers.into_iter().find(|issuer| issuer.settings().issuer == said.iss);
        let principal = issuer.ok_or(AccessError::NotAuthenticated)?.bearer(bearer).await?;
        self.verified.remember(hash, &principal, said.exp as i64, now);
        Ok(principal)
    }

    /// Origins whose pages may read the API with their users' tokens.
    pub fn allowed_origins(&self) -> &[HeaderValue] {
        &self.allowed_origins
    }

    /// The issuers that users can sign in at: `staff`, `tenants`.
    pub fn issuers(&self) -> Vec<&'static str> {
        let named = [("staff", &self.staff), ("tenants", &self.tenants)];
        named.into_iter().filter_map(|(name, issuer)| issuer.as_ref().map(|_| name)).collect()
    }

    /// Where and as which client a program on a user's own machine signs them in (RFC 8252), by the names of [`Access::issuers`].
    pub fn command_line(&self) -> Vec<CommandLine> {
        let named = [("staff", &self.staff), ("tenants", &self.tenants)];
        let issuers = named.into_iter().filter_map(|(name, issuer)| Some((name, issuer.as_ref()?.settings())));
        let told = issuers.filter_map(|(name, settings)| {
            let client_id = settings.cli_client_id.clone()?;
            let discovery_url = issuer::discovery_url(settings);
            Some(CommandLine { name, issuer: settings.issuer.clone(), discovery_url, client_id })
        });
        told.collect()
    }

    fn issuer(&self, name: &str) -> Result<&Issuer, AccessError> {
        let issuer = match name {
            "staff" => self.staff.as_ref(),
            "tenants" => self.tenants.as_ref(),
            _ => None,
        };
        issuer.ok_or(AccessError::SignIn("there is no such issuer"))
    }

    /// Begins a sign-in at an issuer of [`Access::issuers`]; `return_to` is the page to come back to.
    ///
    /// # Errors
    ///
    /// [`AccessError::SignIn`] for an issuer that there is not, [`AccessError::Unavailable`].
    pub async fn begin(&self, issuer: &str, return_to: &str, now: Timestamp) -> Result<SignInStarted, AccessError> {
        self.sign_ins.begin((issuer, self.issuer(issuer)?), return_to, now).await
    }

    /// Ends a sign-in with what the provider sent the browser back with, in the browser that began it: whom the provider vouches for.
    ///
    /// # Errors
    ///
    /// [`AccessError::SignIn`], [`AccessError::NotAuthenticated`] for an ID token that is not valid, [`AccessError::Unavailable`].
    pub async fn finish(
        &self,
        code: &str,
        state: &str,
        said_issuer: Option<&str>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Vouched, AccessError> {
        let browser = self.cookie(headers, SIGN_IN_COOKIE).unwrap_or_default();
        let (issuer, return_to) = self.sign_ins.read(state, &browser, now)?;
        let issuer = self.issuer(&issuer)?;
        // RFC 9207: an answer that says whose it is must be of whom was asked.
        if said_issuer.is_some_and(|said| said != issuer.settings().issuer) {
            return Err(AccessError::SignIn("another provider answered"));
        }
        let vouched = self.sign_ins.finish(issuer, code, state, &browser).await?;
        Ok(Vouched { return_to, ..vouched })
    }

    /// Whether a sign-in was at the issuer of those who run the system.
    pub fn is_staff(&self, vouched: &Vouched) -> bool {
        self.staff.as_ref().is_some_and(|staff| staff.settings().issuer == vouched.issued_by)
    }

    /// Begins a session of somebody whom a provider vouched for. A session that the browser had is over.
    ///
    /// # Errors
    ///
    /// [`AccessError::NotAllowed`], [`AccessError::Unavailable`].
    pub async fn begin_session(
        &self,
        vouched: Vouched,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<SignedIn, AccessError> {
        let return_to = vouched.return_to.clone();
        let principal = vouched.principal()?;
        self.sign_out(headers).await?;
        let session = self.sessions.begin(&principal, now).await?;
        Ok(SignedIn { principal, session, return_to })
    }

    /// Ends the session of a request.
    ///
    /// # Errors
    ///
    /// [`AccessError::Unavailable`].
    pub async fn sign_out(&self, headers: &HeaderMap) -> Result<(), AccessError> {
        match self.cookie(headers, SESSION_COOKIE) {
            Some(id) => self.sessions.end_of(&id).await,
            None => Ok(()),
        }
    }

    /// The `Set-Cookie` of a session.
    pub fn session_cookie(&self, id: &str) -> String {
        self.set(SESSION_COOKIE, id, None)
    }

    /// The `Set-Cookie` of a sign-in that has begun.
    pub fn sign_in_cookie(&self, secret: &str) -> String {
        self.set(SIGN_IN_COOKIE, secret, Some(sign_in::LASTS))
    }

    /// The `Set-Cookie` that takes a cookie away.
    pub fn no_cookie(&self, name: &str) -> String {
        self.set(name, "", Some(0))
    }

    /// A cookie of this host alone that no script reads. `Lax`, since a provider leads back here, and so does a link in an alert.
    fn set(&self, name: &str, value: &str, seconds: Option<i64>) -> String {
        let secure = self.browser.is_secure();
        let mut cookie = Cookie::build((self.cookie_name(name), value.to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(secure);
        if let Some(seconds) = seconds {
            cookie = cookie.max_age(Duration::seconds(seconds));
        }
        cookie.build().to_string()
    }

    fn cookie_name(&self, name: &str) -> String {
        // Servers on loopback share their cookies, whatever their ports.
        if self.browser.is_secure() { format!("__Host-{name}") } else { format!("{name}-{}", self.browser.port()) }
    }

    /// The value of a cookie that is there once: of two, somebody else may have set one.
    fn cookie(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.cookie_name(name);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let mut values = cookies.filter(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned());
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }
}

/// What a form of a session has to bring along, as the pages of one answer show it.
fn csrf(session: &str) -> Result<String, AccessError> {
    secrets::masked(&secrets::mac(session, "csrf"))
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.contains(' ')).then_some(token)
}

/// What a token claims, unverified.
#[derive(serde::Deserialize)]
struct UnverifiedClaims {
    iss: String,
    /// It may have a fraction: RFC 7519 §2.
    exp: f64,
}

impl UnverifiedClaims {
    fn of_token(token: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }
}
