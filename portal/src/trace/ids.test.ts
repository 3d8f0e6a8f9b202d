import assert from "node:assert/strict";
import { test } from "node:test";

import { newSpanId, newTraceId, traceHeaders, traceIdOf, traceLink } from "./ids.ts";

const traceId = "6b01320a74bfa4d781a5bfec167eec6c";

test("a trace id begins with the time, as X-Ray has it", () => {
  assert.match(newTraceId(1_795_250_698_000), /^6b015a0a[0-9a-f]{24}$/);
  assert.match(newSpanId(), /^[0-9a-f]{16}$/);
});

test("both headers name the same trace", () => {
  assert.deepEqual(traceHeaders({ traceId, spanId: "00f067aa0ba902b7" }), {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    "X-Amzn-Trace-Id": "Root=1-6b01320a-74bfa4d781a5bfec167eec6c",
  });
});

test("a traceparent is read, and nothing else", () => {
  assert.equal(traceIdOf(`00-${traceId}-00f067aa0ba902b7-01`), traceId);
  for (const text of [null, "", "00-x-y-01", traceId]) assert.equal(traceIdOf(text), undefined);
});

test("a link takes either form of the id", () => {
  assert.equal(traceLink("/traces/{trace_id}", traceId), `/traces/${traceId}`);
  assert.equal(traceLink("#xray:traces/{xray_trace_id}", traceId), "#xray:traces/1-6b01320a-74bfa4d781a5bfec167eec6c");
});
