// Sends the trace described on stdin with the JavaScript SDK, as protobuf or json; prints the ids it got.

import { readFileSync } from "node:fs";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const exporters = { protobuf: ProtobufExporter, json: JsonExporter };
const journey = JSON.parse(readFileSync(0, "utf8"));
const provider = new BasicTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes(journey.resource)),
  spanProcessors: [new BatchSpanProcessor(new exporters[process.argv[2]]())],
});
const tracer = provider.getTracer("journey");
const at = (nanoseconds) => [journey.start_s, nanoseconds];

const spans = {};
for (const wanted of journey.spans) {
  const options = {
    kind: SpanKind[wanted.kind],
    attributes: wanted.attributes,
    links: wanted.links.map((to) => ({
      context: { traceId: to.trace_id, spanId: to.span_id, traceFlags: TraceFlags.SAMPLED, isRemote: true },
    })),
    startTime: at(wanted.start_ns),
  };
  const parent = wanted.parent ? trace.setSpan(ROOT_CONTEXT, spans[wanted.parent]) : ROOT_CONTEXT;
  const span = tracer.startSpan(wanted.name, options, parent);
  spans[wanted.name] = span;
  for (const event of wanted.events) span.addEvent(event.name, event.attributes, at(event.time_ns));
  if (wanted.exception) {
    const { type, message, time_ns } = wanted.exception;
    span.recordException(Object.assign(new Error(message), { name: type }), at(time_ns));
  }
  if (wanted.error) span.setStatus({ code: SpanStatusCode.ERROR, message: wanted.error });
}

for (const wanted of journey.spans) spans[wanted.name].end(at(wanted.end_ns));
await provider.forceFlush();
await provider.shutdown();

const contexts = Object.entries(spans).map(([name, span]) => [name, span.spanContext()]);
const [[, { traceId }]] = contexts;
const spanIds = Object.fromEntries(contexts.map(([name, context]) => [name, context.spanId]));
console.log(JSON.stringify({ trace_id: traceId, span_ids: spanIds }));
