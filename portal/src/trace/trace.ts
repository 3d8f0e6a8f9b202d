// Every action of the user's is a trace of its own, whose first span is the browser's. OpenTelemetry comes in a chunk of
// its own, while the user reads; without it, calls still carry ids.
import { newSpanId, newTraceId, type SpanIds } from "./ids.ts";

export type Attributes = Record<string, string | number | string[]>;

export interface Span {
  ids: SpanIds;
  child(name: string, attributes: Attributes): Span;
  end(outcome?: { attributes?: Attributes; error?: string }): void;
}

export type StartSpan = (name: string, attributes: Attributes, startTime: number) => Span;

/** How long an action may wait for the chunk. */
const PATIENCE_MS = 1500;

let spans: Promise<StartSpan> | undefined;

/** Fetches OpenTelemetry; spans go to `endpoint`, or nowhere. */
export function loadSpans(endpoint: string | undefined): Promise<unknown> {
  spans = import("./spans.ts").then(({ spansTo }) => spansTo(endpoint));
  return spans.catch(() => undefined);
}

/** The span of an action that began at `startTime`. */
export async function startAction(name: string, attributes: Attributes, startTime: number): Promise<Span> {
  const late = new Promise<StartSpan>((resolve) => setTimeout(resolve, PATIENCE_MS, idsOnly));
  const start = await Promise.race([spans ?? idsOnly, late]).catch(() => idsOnly);
  return start(name, attributes, startTime);
}

const idsOnly: StartSpan = () => unrecorded(newTraceId());

function unrecorded(traceId: string): Span {
  return { ids: { traceId, spanId: newSpanId() }, child: () => unrecorded(traceId), end() {} };
}
