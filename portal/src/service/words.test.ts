import assert from "node:assert/strict";
import { test } from "node:test";

import type { Alarm, SloStatus } from "../api/control-plane.ts";
import { count, duration, failures, incident, isKept, money, percent, promises, span } from "./words.ts";

function status(target: number, requests: number, failed: number, quick: number | null = 1): SloStatus {
  const budget = { requests, allowed: requests * (1 - target), consumed: failed };
  const objectives = { availability: { target }, latency: { target: 0.99, within_ms: 800 } };
  return { tier: "basic", evaluation: { at: 0, objectives, budget, quick } };
}

test("a percentage is rounded down, and neither to all nor to nothing", () => {
  const shares = [0, 1, 0.999, 0.9995, 0.99896, 0.5, 0.999996, 0.00001, 1 - 3 / 7, 1.2, -1];
  const texts = ["0 %", "100 %", "99.9 %", "99.95 %", "99.89 %", "50 %", "99.99 %", "0.001 %", "57.14 %", "100 %", "0 %"];
  assert.deepEqual(shares.map(percent), texts);
  assert.equal(percent(1e-12), "0 %");
});

test("a duration has a unit that suits it", () => {
  assert.deepEqual([1.5e6, 35.44e6, 812e6, 2.5e9, 59e9, 3725e9].map(duration), ["1.50 ms", "35.4 ms", "812 ms", "2.50 s", "59.0 s", "1 h 2 min"]);
  assert.deepEqual([0, 59, 60, 90, 3_600, 90_000, 259_200].map(span), ["0 s", "59 s", "1 min", "1 min", "1 h", "1 d 1 h", "3 d"]);
});

test("what was promised is held against what there was", () => {
  const [answered, quick] = promises(status(0.999, 10_000, 2, 0.992));
  assert.equal(percent(answered!.share!), "99.98 %");
  assert.deepEqual([answered!.target, quick!.share, quick!.target], [0.999, 0.992, 0.99]);
  assert.equal(quick!.what, "Requests answered within 800 ms");
  assert.ok(isKept(answered!) && isKept(quick!));
});

test("just what is allowed keeps the promise, one more breaks it", () => {
  for (const [target, requests] of [[0.995, 1_000], [0.999, 3_000], [0.9995, 20_000], [0.9999, 70_000]] as const) {
    const allowed = Math.round(requests * (1 - target));
    const kept = (failed: number) => isKept(promises(status(target, requests, failed))[0]!);
    assert.deepEqual([kept(allowed), kept(allowed + 1)], [true, false], `${target}`);
  }
});

test("without requests nothing is known, and nothing is broken", () => {
  const all = promises(status(0.999, 0, 0, null));
  assert.deepEqual(all.map(({ share }) => share), [undefined, undefined]);
  assert.ok(all.every(isKept));
});

test("failures are counted against those that are allowed", () => {
  const said = (...given: Parameters<typeof status>) => Object.values(failures(status(...given)));
  assert.deepEqual(said(0.999, 100_000, 12), ["12 of 100 allowed", "88 more requests may fail before the promise is broken."]);
  assert.deepEqual(said(0.999, 2_000, 1), ["1 of 2 allowed", "1 more request may fail before the promise is broken."]);
  assert.deepEqual(said(0.999, 500, 0), ["0 of 0 allowed", "With so few requests, one more failure breaks the promise."]);
  assert.deepEqual(said(0.999, 100_000, 286), ["286 of 100 allowed", "186 more requests failed than were allowed to."]);
  assert.deepEqual(said(0.999, 500, 1), ["1 of 0 allowed", "1 more request failed than were allowed to."]);
  assert.deepEqual(said(0.999, 1_000, 1), ["1 of 1 allowed", "With so few requests, one more failure breaks the promise."]);
});

test("an incident is one sentence", () => {
  const said = (condition: string, value: number) => incident({ condition, value, requests: 100, failed: 5, summary: "as it was" } as Alarm);
  assert.deepEqual(["error_rate", "latency", "budget", "fast_burn", "slow_burn", "refusals", "another"].map((name) => said(name, name === "error_rate" ? 0.05 : 2.86)), [
    "5 % of requests failed within 5 minutes (5 of 100).",
    "The slowest answers took 2.9 times as long as usual (100 requests in 5 minutes).",
    "2.9 times as many requests failed as 30 days allow.",
    "Within an hour, requests failed 2.9 times as often as allowed (5 of 100).",
    "Within 6 hours, requests failed 2.9 times as often as allowed (5 of 100).",
    "5 of 100 requests were turned away within 5 minutes, far more than usual.",
    "as it was",
  ]);
});

test("a part of what is allowed is said as a percentage", () => {
  assert.equal(incident({ condition: "budget", value: 0.834 } as Alarm), "83 % of the failures that are allowed in 30 days were used.");
});

test("money has its currency", () => {
  assert.equal(money({ micros: 12_340_000, cents: 1_234 }, "USD"), "$12.34");
  assert.equal(money({ micros: 1_000_000, cents: 100 }, "JPY"), "¥1.00");
  assert.equal(money({ micros: 40, cents: 0 }, "EUR"), "less than €0.01");
  assert.equal(money({ micros: 0, cents: 0 }, "EUR"), "€0.00");
  assert.equal(money({ micros: 1_000_000, cents: 100 }, "credits"), "1.00 credits");
});

test("requests are whole", () => {
  assert.equal(count(1_234.5), "1,235");
});
