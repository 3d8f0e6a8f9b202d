/** The ids of a span, as W3C trace context names them. */
export interface SpanIds {
  traceId: string;
  spanId: string;
}

function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Eight hexadecimal digits of seconds and 24 random ones: valid for W3C, and what X-Ray expects. */
export function newTraceId(now = Date.now()): string {
  return Math.floor(now / 1000).toString(16).padStart(8, "0") + randomHex(12);
}

export function newSpanId(): string {
  return randomHex(8);
}

export function xrayTraceId(traceId: string): string {
  return `1-${traceId.slice(0, 8)}-${traceId.slice(8)}`;
}

/** The two headers that carry a trace. X-Ray's names no parent and no decision: both are API Gateway's to make. */
export function traceHeaders({ traceId, spanId }: SpanIds): Record<string, string> {
  return { traceparent: `00-${traceId}-${spanId}-01`, "X-Amzn-Trace-Id": `Root=${xrayTraceId(traceId)}` };
}

/** The trace id of a `traceparent`, if it is one. */
export function traceIdOf(traceparent: string | null): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? "")?.[1];
}

export function traceLink(template: string, traceId: string): string {
  return template.replaceAll("{trace_id}", traceId).replaceAll("{xray_trace_id}", xrayTraceId(traceId));
}
