-- How many traces of a window match, and how many of these have a fault, by when they began and how long they took.
SELECT toUnixTimestamp(bucket) AS began, bin, stretch, countIf(matches) AS matched, countIf(matches AND bitTest(flags, 0)) AS failed, count() AS scanned
FROM
(
    SELECT bucket, bin, intDiv(start_ns - {from_ns:Int64}, {width_ns:Int64}) AS stretch, flags, $matches AS matches
    FROM traces FINAL
    WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
        AND spans > 0 AND start_ns >= {from_ns:Int64} AND start_ns < {to_ns:Int64}
        AND ({tenant:Nullable(String)} IS NULL OR has(words, sipHash64('tenant', assumeNotNull({tenant:Nullable(String)}))))
        AND (NOT {alone:Bool} OR length(tenants) = 1)
)
GROUP BY bucket, bin, stretch
