import assert from "node:assert/strict";
import { test } from "node:test";

import { parseRoute } from "./router.ts";

test("an address is a page; an unknown one is the first", () => {
  assert.deepEqual(parseRoute("#/bookings/ABCDEFGH"), { page: "booking", number: "ABCDEFGH" });
  assert.deepEqual(parseRoute("#/bookings"), { page: "bookings" });
  assert.deepEqual(parseRoute("#/miles"), { page: "miles" });
  assert.deepEqual(parseRoute("#/service"), { page: "service" });
  assert.deepEqual(parseRoute(""), { page: "book" });
  assert.deepEqual(parseRoute("#/nowhere"), { page: "book" });
});
