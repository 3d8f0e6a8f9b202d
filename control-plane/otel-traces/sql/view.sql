-- Attributes become JSON, whether they are maps of strings or, in the exporter's newer form, JSON already.
CREATE MATERIALIZED VIEW {view:Identifier} TO otel_spans AS
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    ParentSpanId AS parent_id,
    TraceState AS trace_state,
    SpanName AS name,
    SpanKind AS kind,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration,
    StatusCode AS status,
    StatusMessage AS status_message,
    toJSONString(ResourceAttributes) AS resource,
    ScopeName AS scope_name,
    ScopeVersion AS scope_version,
    toJSONString(SpanAttributes) AS attributes,
    arrayMap((time, name, of_event) -> (toUnixTimestamp64Nano(time), toString(name), toJSONString(of_event)),
        Events.Timestamp, Events.Name, Events.Attributes) AS events,
    arrayMap((trace, span, state, of_link) -> (trace, span, state, toJSONString(of_link)),
        Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes) AS links
FROM {database:Identifier}.{table:Identifier}
