//! The code flow of a program on a user's own machine: RFC 8252, with PKCE (RFC 7636), `state` and `nonce`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use oauth2::{CsrfToken, PkceCodeChallenge, Scope};

use super::{
    id_token::Claims,
    provider::Provider,
    redirect::{AuthorizationResponse, Redirect},
    tokens::StoredLogin,
};

/// Signs in at a provider in a browser that `show` is to open, and waits so long for its coming back.
pub(super) async fn sign_in(
    provider: &Provider,
    port: u16,
    wait: Duration,
    show: impl FnOnce(&str),
) -> Result<StoredLogin> {
    let state = CsrfToken::new_random();
    let nonce = CsrfToken::new_random().into_secret();
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut redirect = Redirect::listen(port, state.secret()).await?;
    let client = provider.client(redirect.url())?;
    let (page, _) = client
        .authorize_url(|| state.clone())
        .add_scopes(provider.scopes().map(|scope| Scope::new(scope.to_owned())))
        .add_extra_param("nonce", nonce.as_str())
        .set_pkce_challenge(challenge)
        .url();
    show(page.as_str());
    let came = tokio::time::timeout(wait, redirect.came()).await;
    let came = came.ok().flatten().with_context(|| format!("nobody signed in within {} s", wait.as_secs()))?;
    let outcome = async {
        let code = code(provider, came.answered())?;
        let kept = provider.redeem(&client, code, verifier).await?;
        let claims = Claims::of(&kept.id_token).context("the provider sent no ID token that can be read")?;
        if !claims.is_for(&kept.issuer, &kept.client_id) || !claims.answers(&nonce) {
            bail!("the provider sent a token of another sign-in");
        }
        if !kept.is_good_for(0) {
            bail!("the provider's token has expired already: is the clock of this machine right?");
        }
        Ok(kept)
    }
    .await;
    came.show_result(outcome.is_ok());
    redirect.close().await;
    outcome
}

/// The code of an answer that has the right `state`.
fn code<'a>(provider: &Provider, answered: &'a AuthorizationResponse) -> Result<&'a str> {
    if !provider.is_answered_by(answered.iss.as_deref()) {
        bail!("another provider answered");
    }
    if let Some(error) = &answered.error {
        bail!("the provider refused: {error}: {}", answered.error_description.as_deref().unwrap_or("it says no more"));
    }
    answered.code.as_deref().filter(|code| !code.is_empty()).context("the provider sent no code")
}
