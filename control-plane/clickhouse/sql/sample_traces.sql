-- Of the traces of a window that match so many at most, those whose last eight bytes are the lowest, and how many spans each has.
SELECT bucket, hex(trace_id), spans
FROM traces FINAL
WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
    AND ({tenant:Nullable(String)} IS NULL OR has(words, sipHash64('tenant', assumeNotNull({tenant:Nullable(String)}))))
    AND (NOT {alone:Bool} OR length(tenants) = 1)
    AND $matches
ORDER BY substring(trace_id, 9), trace_id
LIMIT {limit:UInt64}
