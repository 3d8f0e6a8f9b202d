-- How did each tenant fare in the window? Requests and failures as seen, rates and latencies of the requests that these stand for. Latencies
-- are nearest ranks, answered with the geometric middle of the bin that they fall into: off by at most 2^(1/16) - 1 = 4.43 %. Worst first.
WITH
    mapSort(sumMap(bins)) AS latencies,
    mapKeys(latencies) AS bin,
    arrayCumSum(mapValues(latencies)) AS up_to
SELECT
    tenant,
    argMax(tier, start) AS latest_tier,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weight) AS all_requests,
    sum(weighted_failed) AS all_failed,
    all_failed / all_requests AS error_rate,
    exp2((bin[arrayFirstIndex(part -> part >= 0.5 * up_to[-1], up_to)] + 0.5) / 8) / 1e6 AS p50_ms,
    exp2((bin[arrayFirstIndex(part -> part >= 0.95 * up_to[-1], up_to)] + 0.5) / 8) / 1e6 AS p95_ms,
    exp2((bin[arrayFirstIndex(part -> part >= 0.99 * up_to[-1], up_to)] + 0.5) / 8) / 1e6 AS p99_ms,
    sum(estimated) > 0 AS is_estimated
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
            hours_to = toUnixTimestamp($__toTime), days_to = toUnixTimestamp($__toTime))
    )
GROUP BY tenant
ORDER BY error_rate DESC, tenant
