import assert from "node:assert/strict";
import { test } from "node:test";

import { claimsOf, expiryOf } from "./tokens.ts";
import { userOf } from "./user.ts";

const token = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

test("claims are read, whatever their letters", () => {
  const claims = { email: "zoë@acme.example", exp: 1_800_000_000, "custom:tenant-id": "acme", "custom:tier-level": "basic" };
  assert.deepEqual(claimsOf(token(claims)), claims);
  assert.equal(expiryOf(token(claims)), 1_800_000_000_000);
  const user = { sub: "", email: "zoë@acme.example", tenant: "acme", company: "acme", tier: "basic", isAdmin: false };
  assert.deepEqual(userOf(claims), user, "a token without a company's name shows the tenant's id");
  assert.deepEqual(userOf({ ...claims, "custom:company-name": "Acme Air" }), { ...user, company: "Acme Air" });
});

test("a member is not offered what admins do", () => {
  assert.equal(userOf({ "custom:role": "member" }).isAdmin, false);
  assert.equal(userOf({ "custom:role": "admin" }).isAdmin, true);
  assert.equal(userOf({}).isAdmin, false);
});
