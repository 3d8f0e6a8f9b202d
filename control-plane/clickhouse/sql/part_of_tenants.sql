-- The edges of a part of the map, summed by tenant: of those tenants that are listed, for how much they ask or how much of theirs fails.
WITH multiIf(
    toStartOfHour(start) + 3600 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 8 DAY, toStartOfHour(start),
    toStartOfFiveMinutes(start) + 300 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 2 DAY, toStartOfFiveMinutes(start),
    start) AS bucket
SELECT
    toString(tenant) AS whose,
    sum(count) AS uses, sum(errors) AS with_error, sum(faults) AS with_fault, sum(throttles) AS with_throttle, toInt64(0) AS not_shown,
    sum(weight) AS weights, sum(weighted_errors) AS errors_weight, sum(weighted_faults) AS faults_weight,
    sum(weighted_duration_ns) AS took, sum(estimated) AS guessed, sumMap(bins) AS latencies
FROM edges
WHERE tenant != ''
    AND (empty({source:Array(String)}) OR [toString(source_kind), toString(source_account), toString(source_name)] = {source:Array(String)})
    AND (empty({target:Array(String)}) OR [toString(target_kind), toString(target_account), toString(target_name)] = {target:Array(String)})
    AND ({tier:Nullable(String)} IS NULL OR tier = {tier:Nullable(String)})
    AND start >= toDateTime({from:UInt32}, 'UTC') AND start < toDateTime({to:UInt32}, 'UTC') + 3600
    AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND bucket >= toDateTime({now:UInt32}, 'UTC') - INTERVAL 35 DAY
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(from = {from:UInt32}, to = {to:UInt32} + 3600, hours_to = {now:UInt32} - 8 * 86400, days_to = 0)
    )
GROUP BY tenant
QUALIFY row_number() OVER (ORDER BY uses DESC, whose) <= {listed:UInt64}
    OR (with_fault + with_throttle > 0 AND row_number() OVER (ORDER BY with_fault + with_throttle DESC, whose) <= {listed:UInt64})
