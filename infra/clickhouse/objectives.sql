-- How does each tenant stand against its objectives at the end of the window, over thirty days? Of the requests there were, so many were
-- allowed to fail, and such a share was to take no longer than the limit. The thirty days end with the last whole five minutes, and begin with
-- the hour that the moment 30 days before lies in. Of the bin that the limit lies in, that part counts as quick enough which its logarithm cuts off.
WITH
    ${objectives:raw} AS objectives,
    toStartOfFiveMinutes($__toTime, 'UTC') AS until,
    toStartOfHour(until - INTERVAL 30 DAY, 'UTC') AS since,
    mapSort(sumMap(bins)) AS latencies,
    log2(greatest(limit_ms * 1e6, 1)) * 8 AS limit_bin,
    arrayFirst(key -> mapContains(objectives, key), [concat(latest_tier, '/', tenant), concat(latest_tier, '/')]) AS promise
SELECT
    tenant,
    argMax(tier, start) AS latest_tier,
    objectives[promise].1 AS target,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weight) * objectives[promise].2 AS may_fail,
    sum(weighted_failed) AS consumed,
    may_fail - consumed AS remaining,
    if(may_fail > 0, consumed / may_fail, NULL) AS burnt,
    objectives[promise].3 AS limit_ms,
    objectives[promise].4 AS quick_target,
    arraySum((bin, of_bin) -> of_bin * least(greatest(limit_bin - bin, 0), 1), mapKeys(latencies), mapValues(latencies)) / sum(weight) AS quick
FROM cells
WHERE together = 0 AND tenant != '' AND start >= since AND start < until
    AND $__conditionalAll(tenant IN (${tenant:singlequote}), ${tenant})
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp(toStartOfHour(toStartOfFiveMinutes($__toTime, 'UTC') - INTERVAL 30 DAY, 'UTC')),
            to = toUnixTimestamp(toStartOfFiveMinutes($__toTime, 'UTC')),
            hours_to = toUnixTimestamp(toStartOfFiveMinutes($__toTime, 'UTC')), days_to = toUnixTimestamp(toStartOfFiveMinutes($__toTime, 'UTC')))
    )
GROUP BY tenant
HAVING promise != '' AND $__conditionalAll(latest_tier IN (${tier:singlequote}), ${tier})
ORDER BY burnt DESC NULLS LAST, tenant
