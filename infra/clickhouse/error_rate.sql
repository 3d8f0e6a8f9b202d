-- Which share of each tenant's requests failed in the window? Worst first. Requests and failures as seen; the rate of those they stand for.
SELECT
    tenant,
    argMax(tier, start) AS latest_tier,
    sum(requests) AS seen,
    sum(failed) AS seen_failed,
    sum(weighted_failed) / sum(weight) AS error_rate
FROM cells
WHERE together = 0 AND tenant != '' AND start >= $__fromTime AND start < $__toTime
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp($__fromTime), to = toUnixTimestamp($__toTime),
            hours_to = toUnixTimestamp($__toTime), days_to = toUnixTimestamp($__toTime))
    )
GROUP BY tenant
ORDER BY error_rate DESC, tenant
