-- What calls, and what is called, in the window? A node's figures are those of what came in; of the clients outside, those of what went out.
-- The ring shows which part went well, was an error (4xx), was throttled (429) or a fault (5xx, or failed otherwise).
WITH
    mapSort(sumMapIf(bins, counted_here)) AS latencies,
    arrayCumSum(mapValues(latencies)) AS up_to,
    toStartOfMinute($__fromTime, 'UTC') AS since,
    toStartOfMinute($__toTime, 'UTC') + INTERVAL 1 MINUTE AS until,
    sumIf(weight, counted_here) AS weights,
    if(weights > 0, sumIf(weighted_faults, counted_here) / weights, 0) AS faults_share,
    if(weights > 0, sumIf(weighted_errors, counted_here) / weights, 0) AS errors_share,
    least(errors_share, if(detail__spans > 0, sumIf(throttles, counted_here) / detail__spans, 0)) AS throttles_share
SELECT
    concat(node.1, '|', node.2, '|', node.3) AS id,
    any(node.3) AS title,
    any(if(node.2 = '', node.1, concat(node.1, ', ', node.2))) AS subtitle,
    weights / dateDiff('second', since, until) AS mainstat,
    if(weights > 0, exp2((mapKeys(latencies)[arrayFirstIndex(part -> part >= 0.99 * up_to[-1], up_to)] + 0.5) / 8) / 1e6, 0) AS secondarystat,
    1 - faults_share - errors_share AS arc__ok,
    errors_share - throttles_share AS arc__error,
    throttles_share AS arc__throttle,
    faults_share AS arc__fault,
    any(node.1) AS detail__kind,
    any(node.2) AS detail__account,
    sumIf(count, counted_here) AS detail__spans,
    if(weights > 0, sumIf(weighted_duration_ns, counted_here) / weights / 1e6, 0) AS detail__mean_ms
FROM
(
    SELECT
        *,
        arrayJoin([
            ((toString(target_kind), toString(target_account), toString(target_name)), true),
            ((toString(source_kind), toString(source_account), toString(source_name)), source_kind IN ('client', 'browser'))]) AS end,
        end.1 AS node,
        end.2 AS counted_here
    FROM edges
    WHERE start >= toStartOfMinute($__fromTime, 'UTC') AND start < toStartOfMinute($__toTime, 'UTC') + INTERVAL 1 MINUTE
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
)
GROUP BY node
ORDER BY id
