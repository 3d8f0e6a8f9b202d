-- How quickly does each tenant burn its budget at the end of the window? The error rate over what is allowed, in the windows of the alerts:
-- 1 uses a budget up in just 30 days, 14.4 over 5 minutes and 1 hour or 6 over 30 minutes and 6 hours pages
-- (https://sre.google/workbook/alerting-on-slos/). NULL without requests.
WITH
    ${objectives:raw} AS objectives,
    toStartOfFiveMinutes($__toTime, 'UTC') AS until,
    start >= until - INTERVAL 5 MINUTE AS in_5m,
    start >= until - INTERVAL 30 MINUTE AS in_30m,
    start >= until - INTERVAL 1 HOUR AS in_1h,
    arrayFirst(key -> mapContains(objectives, key), [concat(latest_tier, '/', tenant), concat(latest_tier, '/')]) AS promise,
    objectives[promise].2 AS allowed
SELECT
    tenant,
    argMax(tier, start) AS latest_tier,
    sumIf(weighted_failed, in_5m) / nullIf(sumIf(weight, in_5m), 0) / allowed AS burn_5m,
    sumIf(weighted_failed, in_1h) / nullIf(sumIf(weight, in_1h), 0) / allowed AS burn_1h,
    sumIf(weighted_failed, in_30m) / nullIf(sumIf(weight, in_30m), 0) / allowed AS burn_30m,
    sum(weighted_failed) / nullIf(sum(weight), 0) / allowed AS burn_6h,
    sum(requests) AS seen_6h,
    sum(failed) AS seen_failed_6h
FROM cells
WHERE together = 0 AND tenant != '' AND width = 60 AND start >= until - INTERVAL 6 HOUR AND start < until
    AND $__conditionalAll(tenant IN (${tenant:singlequote}), ${tenant})
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp(toStartOfFiveMinutes($__toTime, 'UTC') - INTERVAL 6 HOUR), to = toUnixTimestamp(toStartOfFiveMinutes($__toTime, 'UTC')),
            hours_to = 0, days_to = 0)
    )
GROUP BY tenant
HAVING promise != '' AND $__conditionalAll(latest_tier IN (${tier:singlequote}), ${tier})
ORDER BY burn_6h DESC, tenant
