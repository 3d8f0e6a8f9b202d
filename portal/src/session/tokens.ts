export interface Tokens {
  idToken: string;
  refreshToken: string | undefined;
}

/** What a token says, unverified: the services verify it. */
export function claimsOf(idToken: string): Record<string, unknown> {
  const payload = (idToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

/** When it ends, in milliseconds since 1970. */
export function expiryOf(idToken: string): number {
  return Number(claimsOf(idToken)["exp"]) * 1000;
}
