-- Sums of requests in the order of time, by buckets that widen with age: minutes for two days, five minutes for eight, hours for 35.
WITH multiIf(
    toStartOfHour(minute) + 3600 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 8 DAY, toStartOfHour(minute),
    toStartOfFiveMinutes(minute) + 300 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 2 DAY, toStartOfFiveMinutes(minute),
    minute) AS bucket
SELECT
    toUnixTimestamp(bucket) AS start, account, service, operation, kind, tenant, tier,
    sum(requests) AS n, sum(failed) AS f, sum(duration_ns) AS d, sum(weight) AS w, sum(weighted_failed) AS wf,
    sum(weighted_duration_ns) AS wd, sum(estimated) AS e, sumMap(bins) AS b
FROM cells
WHERE together IN {together:Array(UInt8)} AND ({tenant:Nullable(String)} IS NULL OR tenant = {tenant:Nullable(String)})
    AND (together = 1 OR tenant != '')
    AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC') + 3600
    AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND bucket >= toDateTime({now:UInt32}, 'UTC') - INTERVAL 35 DAY
    AND (minute, version) IN
    (
        SELECT minute, max(version) FROM minutes
        WHERE minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC') + 3600
        GROUP BY minute
    )
GROUP BY bucket, together, account, service, operation, kind, tenant, tier
ORDER BY bucket
