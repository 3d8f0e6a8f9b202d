-- Sums of requests in the order of time, by buckets that widen with age: minutes for two days, five minutes for eight, hours for 35.
-- All are said to be of a minute: what the evaluator counts begins with whole five minutes. Where latencies are not wanted, there
-- are none of them, and where hours are enough, all buckets are hours.
WITH multiIf(
    {hourly:Bool} OR toStartOfHour(start) + 3600 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 8 DAY, toStartOfHour(start),
    toStartOfFiveMinutes(start) + 300 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 2 DAY, toStartOfFiveMinutes(start),
    start) AS bucket
SELECT
    nullIf(toString(account), ''), service, operation, kind = 'CONSUMER', nullIf(toString(tenant), ''), nullIf(toString(tier), ''),
    toInt64(toUnixTimestamp(bucket)), toUInt32(60),
    sum(requests) AS n, sum(failed) AS f, toUInt128(sum(duration_ns)), sum(weight) AS w, sum(weighted_failed) AS wf,
    sum(weighted_duration_ns) AS wd, sum(estimated) AS e, sumMap(bins) AS b
FROM cells
WHERE together IN {together:Array(UInt8)} AND ({tenant:Nullable(String)} IS NULL OR tenant = {tenant:Nullable(String)})
    AND (together = 1 OR tenant != '')
    AND start >= toDateTime({from:UInt32}, 'UTC') AND start < toDateTime({to:UInt32}, 'UTC') + 3600
    AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND bucket >= toDateTime({now:UInt32}, 'UTC') - INTERVAL 35 DAY
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = {from:UInt32}, to = {to:UInt32} + 3600, days_to = 0,
            hours_to = if({hourly:Bool}, {to:UInt32}, {now:UInt32} - 8 * 86400))
    )
GROUP BY bucket, together, account, service, operation, kind, tenant, tier
ORDER BY bucket
