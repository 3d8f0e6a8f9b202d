import assert from "node:assert/strict";
import { test } from "node:test";

import { signInFailure } from "./errors.ts";

const error = (name: string, message: string) => Object.assign(new Error(message), { name, code: name });

test("a wrong password and an unknown address sound the same", () => {
  const wrong = signInFailure(error("NotAuthorizedException", "Incorrect username or password."), true);
  const unknown = signInFailure(error("UserNotFoundException", "User does not exist."), true);
  assert.equal(wrong.message, unknown.message);
});

test("a temporary password that ran out is said", () => {
  const failure = signInFailure(error("NotAuthorizedException", "Temporary password has expired and must be reset by an administrator."), true);
  assert.match(failure.message, /has expired/);
});

test("no line and no service are told apart", () => {
  assert.equal(signInFailure(error("NetworkError", "Network error"), true).kind, "unreachable");
  assert.equal(signInFailure(error("NetworkError", "Network error"), false).kind, "offline");
});
