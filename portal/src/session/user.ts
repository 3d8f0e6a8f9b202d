/** Who the ID token says is signed in. It is read for display: the services verify it. */
export interface User {
  sub: string;
  email: string;
  tenant: string;
  /** The company's name, for people to read; the tenant's id where a token has none. */
  company: string;
  tier: string;
  /** Whether to offer what a tenant's admins do: inviting colleagues, and looking at how the tenant is served. The services decide. */
  isAdmin: boolean;
}

export function userOf(claims: Record<string, unknown>): User {
  const text = (name: string) => (typeof claims[name] === "string" ? claims[name] : "");
  return {
    sub: text("sub"),
    email: text("email"),
    tenant: text("custom:tenant-id"),
    company: text("custom:company-name") || text("custom:tenant-id"),
    tier: text("custom:tier-level"),
    isAdmin: text("custom:role") === "admin",
  };
}
