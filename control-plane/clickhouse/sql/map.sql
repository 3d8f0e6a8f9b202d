-- The edges of a window, summed.
WITH multiIf(
    toStartOfHour(minute) + 3600 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 8 DAY, toStartOfHour(minute),
    toStartOfFiveMinutes(minute) + 300 <= toDateTime({now:UInt32}, 'UTC') - INTERVAL 2 DAY, toStartOfFiveMinutes(minute),
    minute) AS bucket
SELECT
    source_kind, source_account, source_name, target_kind, target_account, target_name,
    sum(count) AS uses, sum(errors) AS with_error, sum(faults) AS with_fault, sum(throttles) AS with_throttle,
    sum(weight) AS weights, sum(weighted_errors) AS errors_weight, sum(weighted_faults) AS faults_weight,
    sum(weighted_duration_ns) AS took, sum(estimated) AS guessed, sumMap(bins) AS latencies
FROM edges
WHERE tenant = {tenant:String} AND ({tier:Nullable(String)} IS NULL OR tier = {tier:Nullable(String)})
    AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC') + 3600
    AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')
    AND bucket >= toDateTime({now:UInt32}, 'UTC') - INTERVAL 35 DAY
    AND (minute, version) IN
    (
        SELECT minute, max(version) FROM minutes
        WHERE minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC') + 3600
        GROUP BY minute
    )
GROUP BY source_kind, source_account, source_name, target_kind, target_account, target_name
