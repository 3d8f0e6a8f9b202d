// OpenTelemetry. Only trace.ts loads this, as a chunk of its own.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Span as OtelSpan } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace";

import { newSpanId, newTraceId } from "./ids.ts";
import type { Attributes, Span, StartSpan } from "./trace.ts";

/** Soon enough that whoever follows the link to a trace finds the browser's part of it. */
const EXPORT_EVERY_MS = 500;

export function spansTo(endpoint: string | undefined): StartSpan {
  const processors: SpanProcessor[] = [];
  if (endpoint) {
    const exporter = new OTLPTraceExporter({ url: new URL(endpoint, location.origin).href });
    processors.push(new BatchSpanProcessor({ exporter, scheduledDelayMillis: EXPORT_EVERY_MS }));
  }
  const tracer = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "portal", "telemetry.sdk.language": "webjs" }),
    idGenerator: { generateTraceId: newTraceId, generateSpanId: newSpanId },
    spanProcessors: processors,
  }).getTracer("portal");

  return (name, attributes, startTime) =>
    wrap(tracer.startSpan(name, { attributes, startTime, kind: SpanKind.INTERNAL, root: true }, ROOT_CONTEXT));

  function wrap(span: OtelSpan): Span {
    const { traceId, spanId } = span.spanContext();
    return {
      ids: { traceId, spanId },
      child: (name: string, attributes: Attributes) =>
        wrap(tracer.startSpan(name, { attributes, kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, span))),
      end({ attributes = {}, error } = {}) {
        span.setAttributes(attributes);
        if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
        span.end();
      },
    };
  }
}
