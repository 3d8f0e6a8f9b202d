import assert from "node:assert/strict";
import { test } from "node:test";

import { authorizeUrl, codeIn, newPending } from "./pkce.ts";

test("the challenge is the verifier's, as in RFC 7636, appendix B", async () => {
  const pending = { state: "s", verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" };
  const url = new URL(await authorizeUrl("https://login.example", "client", "https://portal.example/", pending));
  assert.equal(url.pathname, "/oauth2/authorize");
  assert.equal(url.searchParams.get("code_challenge"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  assert.equal(url.searchParams.get("redirect_uri"), "https://portal.example/");
});

test("a verifier is as long as it must be", () => {
  assert.match(newPending().verifier, /^[A-Za-z0-9_-]{43}$/);
});

test("a code is taken only for what was asked here", () => {
  const pending = { state: "s", verifier: "v" };
  assert.equal(codeIn("?code=c&state=s", pending), "c");
  assert.equal(codeIn("?utm=1", pending), undefined);
  assert.throws(() => codeIn("?code=c&state=other", pending), /not begun here/);
  assert.throws(() => codeIn("?code=c&state=s", undefined), /not begun here/);
  assert.throws(() => codeIn("?error=access_denied&error_description=No", pending), /^Error: No$/);
});
