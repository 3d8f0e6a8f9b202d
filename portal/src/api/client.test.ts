import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { mock, test } from "node:test";

import type { Config } from "../config.ts";
import { actions } from "../trace/actions.ts";
import { loadSpans } from "../trace/trace.ts";
import { act, configureApi } from "./client.ts";
import { Failure } from "./problem.ts";

const TRACE_ID = "6b08512edf4f6ca135dc9502f8477276";

// What a browser has and Node has not.
Object.assign(globalThis, { location: { origin: "https://portal.example" } });
Object.defineProperty(globalThis, "navigator", { value: { onLine: true } });
configureApi({ booking_url: "/booking" } as Config);

function book(): Promise<unknown> {
  return act("book", (action) =>
    action.call<{ number: string }>({
      api: "booking",
      route: "/bookings",
      body: {},
      booking: ({ number }) => number,
      anonymous: true,
    }),
  );
}

function answering(body: BodyInit) {
  const headers = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };
  return mock.method(globalThis, "fetch", async () => new Response(body, { status: 201, headers }));
}

const BROKEN: Record<string, BodyInit> = {
  "is not JSON": "<html>",
  "breaks off": new ReadableStream({ start: (body) => body.error(new TypeError("terminated")) }),
  "names no booking": "null",
};

for (const [broken, body] of Object.entries(BROKEN)) {
  test(`an answer that ${broken} is not asked for again, and is no service that cannot be reached`, async () => {
    const fetched = answering(body);
    await assert.rejects(book(), (failure) => failure instanceof Failure && failure.kind === "unreadable");
    assert.equal(fetched.mock.callCount(), 1);
    const [action] = actions.get();
    assert.deepEqual([action?.outcome, action?.failed, action?.traceId], ["unreadable", true, TRACE_ID]);
    fetched.mock.restore();
  });
}

test("a quota that is used up for long is told in the service's words, and not asked for again", async () => {
  const detail = "Your company has used up its quota of 1000 bookings a day. A new day begins at midnight, UTC.";
  const problem = { title: "Too Many Requests", status: 429, code: "bookings_quota_exceeded", detail };
  const refused = () => new Response(JSON.stringify(problem), { status: 429, headers: { "Retry-After": "40000" } });
  const fetched = mock.method(globalThis, "fetch", async () => refused());
  await assert.rejects(book(), (failure) => failure instanceof Failure && failure.message === detail);
  assert.equal(fetched.mock.callCount(), 1);
  fetched.mock.restore();
});

test("the span of an answer that cannot be read has its status", async (context) => {
  const intake = createServer().listen(0, "127.0.0.1");
  const sent = once(intake, "request").then(async ([request, answer]) => {
    const spans = await json(request);
    answer.end("{}");
    return spans;
  });
  context.after(() => intake.close());
  await once(intake, "listening");
  const address = intake.address();
  assert.ok(typeof address === "object" && address);
  await loadSpans(`http://127.0.0.1:${address.port}/v1/traces`);
  const fetched = answering("<html>");
  await assert.rejects(book());
  const spans = JSON.stringify(await sent);
  assert.match(spans, /"http.response.status_code","value":\{"intValue":201\}/);
  assert.match(spans, /"error.type","value":\{"stringValue":"SyntaxError"\}/);
  fetched.mock.restore();
});
