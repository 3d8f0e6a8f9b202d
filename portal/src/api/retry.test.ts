import assert from "node:assert/strict";
import { test } from "node:test";

import { isWorthAnotherTry, waitMs } from "./retry.ts";

test("waits double, with jitter", () => {
  assert.equal(waitMs(1, null, 0), 200);
  assert.equal(waitMs(1, null, 1), 400);
  assert.equal(waitMs(3, null, 1), 1600);
});

test("a service that asks for more gets it, unless nobody waits that long", () => {
  assert.equal(waitMs(1, "2", 1), 2000);
  assert.equal(waitMs(1, "3600", 1), undefined);
  assert.equal(waitMs(1, "Wed, 21 Oct 2026 07:28:00 GMT", 1), 400);
});

test("what the caller did wrong is not tried again", () => {
  assert.deepEqual([400, 401, 422, 429, 500, 503].map(isWorthAnotherTry), [false, false, false, true, false, true]);
});
