/** Who the ID token says is signed in. It is read for display: the services verify it. */
export interface User {
  sub: string;
  email: string;
  tenant: string;
  tier: string;
  /** Whether to offer inviting colleagues; the service decides. */
  mayInvite: boolean;
}

export function userOf(claims: Record<string, unknown>): User {
  const text = (name: string) => (typeof claims[name] === "string" ? claims[name] : "");
  return {
    sub: text("sub"),
    email: text("email"),
    tenant: text("custom:tenant-id"),
    tier: text("custom:tier-level"),
    mayInvite: text("custom:role") === "admin",
  };
}
