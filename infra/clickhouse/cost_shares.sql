-- Who has which share of time and requests in the window, by tenant, tier and service? Of all requests that those seen stand for, those of
-- nobody that is known among them: shares add up to 1. `is_estimated` marks lines with requests whose sampling probability is not known: their
-- numbers are too low, or right. Money is a share's price; the crate `slo` divides it to the cent.
SELECT
    tenant,
    tier,
    service,
    sum(weight) AS all_requests,
    all_requests / sum(all_requests) OVER () AS requests_share,
    sum(weighted_duration_ns) / 1e9 AS seconds,
    seconds / sum(seconds) OVER () AS seconds_share,
    sum(estimated) > 0 AS is_estimated
FROM cells
WHERE together = 0 AND start >= $__fromTime AND start < $__toTime
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp($__fromTime), to = toUnixTimestamp($__toTime),
            hours_to = toUnixTimestamp($__toTime), days_to = toUnixTimestamp($__toTime))
    )
GROUP BY tenant, tier, service
ORDER BY seconds DESC, tenant, tier, service
