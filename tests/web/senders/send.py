"""Sends the trace described on stdin with the Python SDK, as gzipped protobuf; prints the ids it got."""

import json
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

journey = json.load(sys.stdin)
start = journey["start_s"] * 10**9
provider = TracerProvider(resource=Resource.create(journey["resource"]))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(compression=Compression.Gzip)))
tracer = provider.get_tracer("journey")


def link(to: dict) -> Link:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return Link(SpanContext(int(to["trace_id"], 16), int(to["span_id"], 16), is_remote=True, trace_flags=sampled))


spans = {}
for wanted in journey["spans"]:
    parent = spans.get(wanted["parent"])
    span = spans[wanted["name"]] = tracer.start_span(
        wanted["name"],
        context=parent and trace.set_span_in_context(parent),
        kind=SpanKind[wanted["kind"]],
        attributes=wanted["attributes"],
        links=[link(to) for to in wanted["links"]],
        start_time=start + wanted["start_ns"],
    )
    for event in wanted["events"]:
        span.add_event(event["name"], event["attributes"], start + event["time_ns"])
    if exception := wanted["exception"]:
        span.record_exception(TimeoutError(exception["message"]), timestamp=start + exception["time_ns"])
    if wanted["error"]:
        span.set_status(Status(StatusCode.ERROR, wanted["error"]))

for wanted in journey["spans"]:
    spans[wanted["name"]].end(start + wanted["end_ns"])
provider.shutdown()

contexts = {name: span.get_span_context() for name, span in spans.items()}
trace_id = contexts[journey["spans"][0]["name"]].trace_id
span_ids = {name: trace.format_span_id(context.span_id) for name, context in contexts.items()}
print(json.dumps({"trace_id": trace.format_trace_id(trace_id), "span_ids": span_ids}))
