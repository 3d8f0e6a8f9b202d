-- Traces of a window, the newest first; or of these, those that are named.
SELECT trace_id, start_ns, end_ns, spans, flags, if({outlines:Bool}, outline, '') AS outline
FROM traces FINAL
WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
    AND ({tenant:Nullable(String)} IS NULL OR has(tenants, assumeNotNull({tenant:Nullable(String)})))
    AND (NOT {alone:Bool} OR length(tenants) = 1)
    AND bitAnd(flags, {flags:UInt8}) = {flags:UInt8}
    AND end_ns - start_ns >= {longer_ns:Int64}
    AND hasAll(nodes, {nodes:Array(String)})
    AND (empty({traces:Array(String)}) OR hex(trace_id) IN {traces:Array(String)})
ORDER BY start_ns DESC, trace_id DESC
LIMIT {limit:UInt32}
