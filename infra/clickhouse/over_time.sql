-- How did tenants fare over time? The ten of whom the most requests failed in the window, then those with the most requests. `burn` is the
-- error rate over what the tenant's objective allows: 1 uses a budget up in just 30 days.
WITH ${objectives:raw} AS objectives
SELECT time, tenant, seen, per_second, error_rate, p99_ms, burn
FROM
(
    WITH
        mapSort(sumMap(bins)) AS latencies,
        mapKeys(latencies) AS bin,
        arrayCumSum(mapValues(latencies)) AS up_to,
        argMax(tier, start) AS latest_tier,
        arrayFirst(key -> mapContains(objectives, key), [concat(latest_tier, '/', tenant), concat(latest_tier, '/')]) AS promise
    SELECT
        $__timeInterval(start) AS time,
        tenant,
        sum(requests) AS seen,
        sum(weight) AS all_requests,
        sum(weighted_failed) AS all_failed,
        all_requests / $__interval_s AS per_second,
        all_failed / all_requests AS error_rate,
        exp2((bin[arrayFirstIndex(part -> part >= 0.99 * up_to[-1], up_to)] + 0.5) / 8) / 1e6 AS p99_ms,
        if(promise = '', NULL, error_rate / objectives[promise].2) AS burn,
        sum(all_failed) OVER (PARTITION BY tenant) AS failed_of_tenant,
        sum(all_requests) OVER (PARTITION BY tenant) AS requests_of_tenant
    FROM cells
    WHERE together = 0 AND tenant != '' AND start >= $__fromTime AND start < $__toTime
        AND $__conditionalAll(tenant IN (${tenant:singlequote}), ${tenant})
        AND $__conditionalAll(tier IN (${tier:singlequote}), ${tier})
        AND $__conditionalAll(account IN (${account:singlequote}), ${account})
        AND (width, start, version) IN
        (
            SELECT width, start, version
            FROM counted(
                from = toUnixTimestamp($__fromTime), to = toUnixTimestamp($__toTime),
                hours_to = if($__interval_s % 3600 = 0, toUnixTimestamp($__toTime), 0), days_to = 0)
        )
    GROUP BY time, tenant
)
QUALIFY dense_rank() OVER (ORDER BY failed_of_tenant DESC, requests_of_tenant DESC, tenant) <= 10
ORDER BY time, tenant
