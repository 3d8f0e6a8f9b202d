-- How quickly does each tenant of a tier burn its budget? The error rate over what is allowed, in the windows of the alerts: 1
-- uses a budget up in just 30 days, 14.4 over 5 minutes and 1 hour or 6 over 30 minutes and 6 hours pages
-- (https://sre.google/workbook/alerting-on-slos/). NULL without requests. Parameters: at, the end of the last five minutes; tier;
-- allowed, the share that may fail.
WITH
    {at:DateTime('UTC')} AS until,
    bucket >= until - INTERVAL 5 MINUTE AS in_5m,
    bucket >= until - INTERVAL 30 MINUTE AS in_30m,
    bucket >= until - INTERVAL 1 HOUR AS in_1h
SELECT
    tenant,
    sumIf(weighted_failed, in_5m) / nullIf(sumIf(weight, in_5m), 0) / {allowed:Float64} AS burn_5m,
    sumIf(weighted_failed, in_1h) / nullIf(sumIf(weight, in_1h), 0) / {allowed:Float64} AS burn_1h,
    sumIf(weighted_failed, in_30m) / nullIf(sumIf(weight, in_30m), 0) / {allowed:Float64} AS burn_30m,
    sum(weighted_failed) / nullIf(sum(weight), 0) / {allowed:Float64} AS burn_6h,
    sum(requests) AS seen_6h,
    sum(failed) AS seen_failed_6h
FROM request_cells
WHERE bucket >= until - INTERVAL 6 HOUR AND bucket < until AND tenant != '' AND tier = {tier:String}
GROUP BY tenant
ORDER BY burn_6h DESC, tenant;
