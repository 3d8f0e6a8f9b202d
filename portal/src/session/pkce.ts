// The hosted login: authorization code with PKCE (RFC 7636).
import type { Tokens } from "./tokens.ts";

/** What has to survive the way to the login page and back. None of it is of use without the code. */
export interface Pending {
  state: string;
  verifier: string;
}

export function newPending(): Pending {
  return { state: randomText(), verifier: randomText() };
}

export async function authorizeUrl(domain: string, clientId: string, redirectUri: string, pending: Pending): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    // Of the claims that the client may read, `email` would leave only the address: the tenant is in `profile`.
    scope: "openid profile",
    state: pending.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  return `${domain}/oauth2/authorize?${query}`;
}

export function logoutUrl(domain: string, clientId: string, redirectUri: string): string {
  return `${domain}/logout?${new URLSearchParams({ client_id: clientId, logout_uri: redirectUri })}`;
}

/** The code that a login page sent back, if the address has one and it answers to what was asked. */
export function codeIn(search: string, pending: Pending | undefined): string | undefined {
  const query = new URLSearchParams(search);
  const error = query.get("error");
  if (error !== null) throw new Error(query.get("error_description") ?? error);
  const code = query.get("code");
  if (code === null) return undefined;
  if (!pending || query.get("state") !== pending.state) throw new Error("This sign-in was not begun here.");
  return code;
}

export async function exchange(
  domain: string,
  clientId: string,
  redirectUri: string,
  code: string,
  verifier: string,
): Promise<Tokens> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: clientId,
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
  });
  const answer = await fetch(`${domain}/oauth2/token`, { method: "POST", body, credentials: "omit" });
  if (!answer.ok) throw new Error(`The sign-in service answered with status ${answer.status}.`);
  const { id_token, refresh_token } = (await answer.json()) as { id_token: string; refresh_token?: string };
  return { idToken: id_token, refreshToken: refresh_token };
}

function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
