-- The traces that some batches brought spans of, those next to each other that are so in `spans`.
SELECT hex(trace_id)
FROM trace_buckets
WHERE trace_id IN
    (SELECT trace_id FROM changed WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND rank IN {ranks:Array(UInt64)})
GROUP BY trace_id
ORDER BY min(bucket), trace_id
