-- How many requests of each tenant were there over time, and which share of them failed? For a panel with time series.
SELECT
    $__timeInterval(start) AS time,
    tenant,
    sum(requests) AS seen,
    sum(weighted_failed) / sum(weight) AS error_rate
FROM cells
WHERE together = 0 AND tenant != '' AND width = 60 AND start >= $__fromTime AND start < $__toTime
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(from = toUnixTimestamp($__fromTime), to = toUnixTimestamp($__toTime), hours_to = 0, days_to = 0)
    )
GROUP BY time, tenant
ORDER BY time, tenant
