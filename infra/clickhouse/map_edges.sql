-- Who calls whom in the window, and how well? Whole minutes, that of the end among them. Counts are of spans, rates and latencies of those that
-- they stand for. An edge is drawn in the colour of the control plane's map: a fault from 1 % on, a throttle from 1 %, an error from 5 %.
WITH
    mapSort(sumMap(bins)) AS latencies,
    arrayCumSum(mapValues(latencies)) AS up_to,
    toStartOfMinute($__fromTime, 'UTC') AS since,
    toStartOfMinute($__toTime, 'UTC') + INTERVAL 1 MINUTE AS until
SELECT
    concat(source, ' > ', target) AS id,
    concat(source_kind, '|', source_account, '|', source_name) AS source,
    concat(target_kind, '|', target_account, '|', target_name) AS target,
    sum(weight) / dateDiff('second', since, until) AS mainstat,
    exp2((mapKeys(latencies)[arrayFirstIndex(part -> part >= 0.99 * up_to[-1], up_to)] + 0.5) / 8) / 1e6 AS secondarystat,
    multiIf(detail__fault_rate >= 0.01, '#d9413a', sum(throttles) / sum(count) >= 0.01, '#a16ae8', detail__error_rate >= 0.05, '#d98a04', NULL) AS color,
    any(source_name) AS detail__caller,
    any(target_name) AS detail__callee,
    sum(count) AS detail__spans,
    sum(weighted_faults) / sum(weight) AS detail__fault_rate,
    sum(weighted_errors) / sum(weight) AS detail__error_rate,
    sum(weighted_duration_ns) / sum(weight) / 1e6 AS detail__mean_ms
FROM edges
WHERE start >= since AND start < until
    -- Of all together, whose tenant is empty, or of the tenants that are chosen.
    AND (tenant = '') = ($__conditionalAll(0 = 1, ${tenant}))
    AND $__conditionalAll(tenant IN (${tenant:singlequote}), ${tenant})
    AND $__conditionalAll(tier IN (${tier:singlequote}), ${tier})
    AND $__conditionalAll((source_account IN (${account:singlequote}) OR target_account IN (${account:singlequote})), ${account})
    AND (width, start, version) IN
    (
        SELECT width, start, version
        FROM counted(
            from = toUnixTimestamp(toStartOfMinute($__fromTime, 'UTC')), to = toUnixTimestamp(toStartOfMinute($__toTime, 'UTC')) + 60,
            hours_to = toUnixTimestamp(toStartOfMinute($__toTime, 'UTC')) + 60, days_to = 0)
    )
GROUP BY source, target
ORDER BY source, target
