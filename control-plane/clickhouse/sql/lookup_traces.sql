-- The traces of a window, the newest first, and which of some conditions hold of each, a bit for each condition.
SELECT bucket, trace_id, start_ns, end_ns, spans, flags, $matches AS held
FROM traces FINAL
WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
    AND ({tenant:Nullable(String)} IS NULL OR has(words, sipHash64('tenant', assumeNotNull({tenant:Nullable(String)}))))
    AND (NOT {alone:Bool} OR length(tenants) = 1)
ORDER BY start_ns DESC, trace_id DESC
LIMIT {limit:UInt64}
