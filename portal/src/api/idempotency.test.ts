import assert from "node:assert/strict";
import { test } from "node:test";

import { IdempotencyKey } from "./idempotency.ts";

function counted(): IdempotencyKey {
  let made = 0;
  return new IdempotencyKey(() => `key-${(made += 1)}`);
}

test("the same wish has the same key until it is granted", () => {
  const key = counted();
  assert.equal(key.of({ to: "JFK" }), "key-1");
  assert.equal(key.of({ to: "JFK" }), "key-1");
  key.done();
  assert.equal(key.of({ to: "JFK" }), "key-2");
});

test("another wish has another key", () => {
  const key = counted();
  assert.notEqual(key.of({ to: "JFK" }), key.of({ to: "LAX" }));
});

test("a random key is one that the API takes", () => {
  assert.match(new IdempotencyKey().of({}), /^[\x21-\x7e]{1,255}$/);
});
