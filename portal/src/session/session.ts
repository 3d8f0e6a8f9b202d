// Who is signed in. Tokens live in memory alone: closing or reloading the page ends the session.
import { Failure } from "../api/problem.ts";
import type { Config } from "../config.ts";
import { createStore } from "../store.ts";
import { refresh, revoke } from "./cognito.ts";
import { authorizeUrl, codeIn, exchange, logoutUrl, newPending, type Pending } from "./pkce.ts";
import { claimsOf, expiryOf, type Tokens } from "./tokens.ts";
import { userOf, type User } from "./user.ts";

export type State =
  | { kind: "signed-out"; expired: boolean; reason?: string }
  | { kind: "new-password"; choose(password: string): Promise<Tokens> }
  | { kind: "signed-in"; user: User };

/** A token this close to its end is renewed before it is used. */
const RENEW_BEFORE_MS = 60_000;
const PENDING = "portal.pending-login";

const state = createStore<State>({ kind: "signed-out", expired: false });
let config: Config;
let tokens: Tokens | undefined;
let renewing: Promise<boolean> | undefined;

export const session = {
  state,

  user(): User | undefined {
    const current = state.get();
    return current.kind === "signed-in" ? current.user : undefined;
  },

  /** Reads what a hosted login sent back, if that is where the user comes from. */
  async begin(loaded: Config): Promise<void> {
    config = loaded;
    if (!config.hosted_login || !location.search) return;
    const search = location.search;
    const pending = takePending();
    history.replaceState(null, "", location.pathname + location.hash);
    try {
      const code = codeIn(search, pending);
      if (code && pending) open(await exchange(config.hosted_login, config.user_pool_client_id, redirectUri(), code, pending.verifier));
    } catch (error) {
      state.set({ kind: "signed-out", expired: false, reason: reasonOf(error) });
    }
  },

  /** Fetches what signing in needs, while the form is being filled in. */
  prepareSignIn(): void {
    import("./srp.ts").catch(() => undefined);
  },

  async signIn(username: string, password: string): Promise<void> {
    const { signIn } = await import("./srp.ts");
    const answer = await signIn(config, username, password);
    if (answer.kind === "session") open(answer.tokens);
    else state.set(answer);
  },

  async choosePassword(password: string): Promise<void> {
    const current = state.get();
    if (current.kind === "new-password") open(await current.choose(password));
  },

  async signInHosted(): Promise<void> {
    const pending = newPending();
    sessionStorage.setItem(PENDING, JSON.stringify(pending));
    location.assign(await authorizeUrl(config.hosted_login ?? "", config.user_pool_client_id, redirectUri(), pending));
  },

  async signOut(): Promise<void> {
    const refreshToken = tokens?.refreshToken;
    close(false);
    // Here it is over in any case.
    if (refreshToken) await revoke(config, refreshToken).catch(() => undefined);
    if (config.hosted_login) location.assign(logoutUrl(config.hosted_login, config.user_pool_client_id, redirectUri()));
  },

  /** A token that is good for a while yet. */
  async token(): Promise<string> {
    if (tokens && expiryOf(tokens.idToken) - Date.now() < RENEW_BEFORE_MS) await session.renew();
    if (!tokens) throw new Failure("expired", "Your session has ended.");
    return tokens.idToken;
  },

  /** Gets a new token, or ends the session where there is none to be had. Those who ask at once share the answer. */
  renew(): Promise<boolean> {
    renewing ??= renewTokens().finally(() => (renewing = undefined));
    return renewing;
  },

  expire(): void {
    if (tokens) close(true);
  },
};

async function renewTokens(): Promise<boolean> {
  const old = tokens;
  const renewed = old?.refreshToken ? await refresh(config, old.refreshToken) : undefined;
  // Signed out meanwhile.
  if (tokens !== old) return false;
  if (renewed) tokens = renewed;
  else session.expire();
  return renewed !== undefined;
}

function open(opened: Tokens): void {
  tokens = opened;
  state.set({ kind: "signed-in", user: userOf(claimsOf(opened.idToken)) });
}

function close(expired: boolean): void {
  tokens = undefined;
  state.set({ kind: "signed-out", expired });
}

function takePending(): Pending | undefined {
  const stored = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  return stored ? (JSON.parse(stored) as Pending) : undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return "The sign-in service cannot be reached at the moment.";
  return error instanceof Error ? error.message : String(error);
}

function redirectUri(): string {
  return `${location.origin}/`;
}
