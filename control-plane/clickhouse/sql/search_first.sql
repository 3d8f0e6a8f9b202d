-- The first of the traces of some five minutes that match, of those that took so long at least: found by what is quickly read.
SELECT bucket, trace_id
FROM traces FINAL
WHERE bucket IN (SELECT toDateTime(arrayJoin({buckets:Array(UInt32)}), 'UTC'))
    AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
    AND ({tenant:Nullable(String)} IS NULL OR has(words, sipHash64('tenant', assumeNotNull({tenant:Nullable(String)}))))
    AND (NOT {alone:Bool} OR length(tenants) = 1)
    AND bin >= {bin:UInt16} AND $matches
ORDER BY multiIf({order:String} = 'slowest', end_ns - start_ns, {order:String} = 'spans', toInt64(spans), start_ns) DESC, start_ns DESC, trace_id DESC
LIMIT {limit:UInt32}
