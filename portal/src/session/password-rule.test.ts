import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { lacking, MIN_LENGTH } from "./password-rule.ts";

test("a password is told all that it lacks", () => {
  assert.equal(lacking("Chosen-by-me-2026"), undefined);
  assert.equal(lacking("chosen-by-me-2026"), "needs an upper-case letter");
  assert.equal(lacking("CHOSEN-BY-ME"), "needs a lower-case letter and a digit");
  assert.equal(lacking(""), "needs at least 12 characters, a lower-case letter, an upper-case letter and a digit");
  // A sign counts as one character, and letters of other alphabets as neither case, as the pool sees them.
  assert.equal(lacking("Ünï-2026😀😀"), "needs at least 12 characters and an upper-case letter");
});

test("the rule is the pool's", () => {
  const template = readFileSync(new URL("../../../infra/booking/template.yaml", import.meta.url), "utf8");
  const policy = /PasswordPolicy: \{([^}]*)\}/.exec(template)?.[1] ?? "";
  assert.deepEqual(policy.split(",").map((part) => part.trim()), [
    `MinimumLength: ${MIN_LENGTH}`,
    "RequireLowercase: true",
    "RequireUppercase: true",
    "RequireNumbers: true",
    "RequireSymbols: false",
  ]);
});
