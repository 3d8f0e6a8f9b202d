//! Verification of a JSON Web Token.

use std::{sync::Arc, time::Duration};

use function_settings::{InvalidSettings, Reader, Variables};
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};
use lambda_http::Request;
use lambda_http_client::{HttpClient, Roots};
use tenancy::{Role, TenantContext, Tiers};

use crate::{
    AuthError, ClaimNames, Identify, Identity,
    claims::{Claims, VerifiedClaims, wrong_shape},
    header::{self, Header},
    jwks::{Jwks, SigningKey},
};

/// Seconds by which clocks may differ when `exp` and `nbf` are checked.
const LEEWAY_SECONDS: u64 = 5;

/// How tokens may be signed. All of these use a key pair, of which only the public half is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, as Cognito signs.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// Which issuer's tokens are accepted, and which claims are read.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// The token's `iss`, to the letter.
    pub issuer: String,
    /// The token's `aud`: this service. A token for others too is refused (OpenID Connect Core §3.1.3.7, 3).
    pub audience: String,
    /// Where the issuer's keys are (JWKS, RFC 7517).
    pub jwks_url: String,
    /// How its tokens may be signed.
    pub algorithms: Vec<SigningAlgorithm>,
    /// What `token_use` must be, for issuers that have this claim.
    pub token_use: Option<String>,
    /// The claims that name tenant, tier, user and role.
    pub claims: ClaimNames,
}

impl JwtSettings {
    /// ID tokens of the Cognito user pool `user_pool_id` (`<region>_<id>`) for its client `client_id`.
    ///
    /// `endpoint` is the identity provider's base URL where it is not AWS's own; it changes where keys are, not who the issuer is.
    pub fn cognito(user_pool_id: &str, client_id: &str, endpoint: Option<&str>, tiers: impl Into<Tiers>) -> Self {
        let region = user_pool_id.split_once('_').map_or("us-east-1", |(region, _)| region);
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}");
        let keys_at = match endpoint {
            Some(base) => format!("{}/{user_pool_id}", base.trim_end_matches('/')),
            None => issuer.clone(),
        };
        Self {
            issuer,
            audience: client_id.to_owned(),
            jwks_url: format!("{keys_at}/.well-known/jwks.json"),
            algorithms: vec![SigningAlgorithm::Rs256],
            // An access token is signed by the same key but carries no tenant and was not made for this purpose.
            token_use: Some("id".to_owned()),
            claims: ClaimNames::cognito(tiers),
        }
    }

    /// ID tokens of the user pool in `USER_POOL_ID` for the client in `USER_POOL_CLIENT_ID`. The keys come from AWS, unless the SDKs' own variables
    /// `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` or `AWS_ENDPOINT_URL` name another endpoint.
    pub fn read_cognito(read: &mut Reader<'_>, tiers: impl Into<Tiers>) -> Self {
        let [own, of_all] = ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL"];
        let endpoint = read.optional_url(own).or_else(|| read.optional_url(of_all));
        let (pool, client) = (read.text("USER_POOL_ID"), read.text("USER_POOL_CLIENT_ID"));
        Self::cognito(&pool, &client, endpoint.as_deref(), tiers)
    }

    /// [`JwtSettings::read_cognito`] of the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all variables that are missing or wrong.
    pub fn cognito_from_env(tiers: impl Into<Tiers>) -> Result<Self, InvalidSettings> {
        Variables::of_process().read(|read| Self::read_cognito(read, tiers))
    }
}

impl JwtSettings {
    /// Tokens of this issuer for this service, with what most providers use: keys at `/.well-known/jwks.json` below the issuer, RS256, and
    /// [`ClaimNames::plain`]. For other providers, set the fields of the struct.
    pub fn issued_by(issuer: &str, audience: &str, tiers: impl Into<Tiers>) -> Self {
        Self {
            jwks_url: format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            algorithms: vec![SigningAlgorithm::Rs256],
            token_use: None,
            claims: ClaimNames::plain(tiers),
        }
    }

    /// Tokens of the issuer in `JWT_ISSUER` for the audience in `JWT_AUDIENCE`, with the keys at `JWKS_URL` if it is set.
    pub fn read(read: &mut Reader<'_>, tiers: impl Into<Tiers>) -> Self {
        let settings = Self::issued_by(&read.text("JWT_ISSUER"), &read.text("JWT_AUDIENCE"), tiers);
        Self { jwks_url: read.optional_url("JWKS_URL").unwrap_or(settings.jwks_url), ..settings }
    }

    /// [`JwtSettings::read`] of the process's environment.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all variables that are missing or wrong.
    pub fn from_env(tiers: impl Into<Tiers>) -> Result<Self, InvalidSettings> {
        Variables::of_process().read(|read| Self::read(read, tiers))
    }
}

/// How long the issuer of signing keys may take to answer.
const KEYS_WITHIN: Duration = Duration::from_secs(2);

/// Verifies the tokens of one issuer for one service.
#[derive(Debug)]
pub struct JwtVerifier {
    jwks: Jwks,
    audience: String,
    token_use: Option<String>,
    claims: ClaimNames,
    /// What is checked for each algorithm. A token is checked with the algorithm that its header names.
    validations: Vec<(Algorithm, Validation)>,
}

impl JwtVerifier {
    /// Makes a verifier that fetches keys with `client`. Nothing is fetched yet.
    pub fn new(settings: JwtSettings, client: HttpClient) -> Self {
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.set_issuer(&[&settings.issuer]);
            validation.set_audience(&[&settings.audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation.validate_nbf = true;
            validation.leeway = LEEWAY_SECONDS;
            validation
        };
        let algorithms = settings.algorithms.iter().map(|algorithm| algorithm.algorithm());
        Self {
            validations: algorithms.map(|algorithm| (algorithm, validation(algorithm))).collect(),
            jwks: Jwks::new(settings.jwks_url, client),
            audience: settings.audience,
            token_use: settings.token_use,
            claims: settings.claims,
        }
    }

    /// Makes a verifier of [`JwtSettings::from_env`]. Its client trusts Amazon's certificate authorities for keys at AWS and the system's elsewhere.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`] with all variables that are missing or wrong.
    pub fn from_env(tiers: impl Into<Tiers>) -> Result<Self, InvalidSettings> {
        let read = Variables::of_process().read(|read| (JwtSettings::read(read, tiers), Roots::read(read)));
        read.map(|(settings, roots)| Self::trusting(roots, settings))
    }

    /// Makes a verifier whose client trusts `roots` for keys at AWS and the system's certificate authorities elsewhere.
    pub fn trusting(roots: Roots, settings: JwtSettings) -> Self {
        let client = HttpClient::trusting(roots.for_url(&settings.jwks_url), KEYS_WITHIN);
        Self::new(settings, client)
    }

    /// Fetches the signing keys, for the start of a function: await it beside what else the start waits for. A failure is
    /// logged and no more; the first token tries again.
    pub async fn prefetch_keys(&self) {
        if let Err(error) = self.jwks.prefetch().await {
            tracing::warn!(%error, "no signing keys at the start");
        }
    }

    /// Who sent this `Authorization` header value (`Bearer <token>` or the bare token, as API Gateway accepts both).
    ///
    /// # Errors
    ///
    /// [`AuthError`] says why the sender is not known.
    pub async fn verify(&self, authorization: Option<&str>) -> Result<Identity, AuthError> {
        let (token, header) = self.read(authorization)?;
        let key = self.jwks.key(&header.key_id).await?;
        self.identity(&self.believe(token, &header, key)?)
    }

    /// Verifies the token in this `Authorization` header value and returns all its claims, for code that needs more than the tenant, such as a
    /// `nonce` or groups.
    ///
    /// # Errors
    ///
    /// [`AuthError`] says why the token is not accepted.
    pub async fn claims(&self, authorization: Option<&str>) -> Result<VerifiedClaims, AuthError> {
        let (token, header) = self.read(authorization)?;
        self.believe(token, &header, self.jwks.key(&header.key_id).await?).map(VerifiedClaims)
    }

    fn identity(&self, claims: &Claims) -> Result<Identity, AuthError> {
        let text = |name: &str| claims.text(name).map_err(wrong_shape);
        let names = &self.claims;
        let (tenant, tier) = (text(&names.tenant_id)?, text(&names.tier)?);
        let (user, role) = (text(&names.user_id)?, text(&names.role)?);
        let label = names.label(tenant.as_deref(), tier.as_deref(), user.as_deref())?;
        let tenant = TenantContext::vouched_by("a verified token", label);
        Ok(Identity { tenant, role: Role::of_claim(role.as_deref()) })
    }

    /// The token, and what its header says, unverified.
    fn read<'a>(&self, authorization: Option<&'a str>) -> Result<(&'a str, Header), AuthError> {
        let token = authorization.map(str::trim).filter(|value| !value.is_empty()).ok_or(AuthError::MissingToken)?;
        let token = match token.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err(AuthError::MissingToken),
            None => token,
        };
        let allowed = self.validations.iter().map(|(algorithm, _)| *algorithm);
        let header = header::read(token, allowed).map_err(AuthError::InvalidToken)?;
        Ok((token, header))
    }

    /// The claims of a token that this key has signed, once they are checked.
    fn believe(&self, token: &str, header: &Header, key: Option<Arc<SigningKey>>) -> Result<Claims, AuthError> {
        let invalid = |why: &str| AuthError::InvalidToken(why.to_owned());
        let key = key.ok_or_else(|| invalid("unknown kid"))?;
        let mut validations = self.validations.iter();
        let (_, validation) = validations
            .find(|(algorithm, _)| *algorithm == header.algorithm && key.is_for(*algorithm))
            .ok_or_else(|| invalid("the key is for another algorithm"))?;
        let claims = decode::<Claims>(token, key.decoding(), validation).map_err(not_decoded)?.claims;
        self.check(&claims)?;
        Ok(claims)
    }

    /// What the library does not check, or not as strictly.
    fn check(&self, claims: &Claims) -> Result<(), AuthError> {
        let invalid = |why: &str| Err(AuthError::InvalidToken(why.to_owned()));
        // One string (RFC 7519 §4.1.1). The library would be content with a list that has the issuer in it; this is not.
        if claims.text("iss").is_err() {
            return invalid("an issuer that is no text");
        }
        // A string, or a list of them (RFC 7519 §4.1.3). A token that an audience beside this one may use, which is not trusted, must be
        // refused (OpenID Connect Core §3.1.3.7, 3), and no other is trusted here.
        if claims.texts("aud") != [self.audience.as_str()] {
            return invalid("made for others, or for others too");
        }
        match &self.token_use {
            Some(wanted) if !claims.text("token_use").is_ok_and(|used| used.as_ref() == Some(wanted)) => {
                invalid("not made for this use")
            }
            _ => Ok(()),
        }
    }
}

impl Identify for JwtVerifier {
    async fn identify(&self, request: &Request) -> Result<Identity, AuthError> {
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        self.verify(authorization.and_then(|value| value.to_str().ok())).await
    }
}

fn not_decoded(error: jsonwebtoken::errors::Error) -> AuthError {
    AuthError::InvalidToken(match error.kind() {
        // The JSON error quotes the claim's value, which is the caller's to choose.
        ErrorKind::Json(_) => "claims of the wrong shape".into(),
        _ => error.to_string(),
    })
}
