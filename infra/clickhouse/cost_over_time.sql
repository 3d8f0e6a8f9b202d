-- What did tenants cost, day by day (UTC)? The ten that cost the most in the window; requests of nobody that is known are a line of their own.
SELECT day AS time, if(tenant = '', 'nobody that is known', tenant) AS tenant, cost
FROM
(
    SELECT day, tenant, sum(cost_of_service) AS cost, sum(cost) OVER (PARTITION BY tenant) AS cost_of_tenant
    FROM
    (
        WITH ${prices:raw} AS prices, prices[if(mapContains(prices, service), toString(service), '')] AS price
        SELECT
            toDateTime(toStartOfDay(start, 'UTC'), 'UTC') AS day,
            tenant,
            service,
            sum(weight) * any(price.1) / 1e6 + sum(weighted_duration_ns) / 1e9 * any(price.3) / 1024 * any(price.2) AS cost_of_service
        FROM cells
        WHERE together = 0
            AND start >= toStartOfDay($__fromTime, 'UTC') AND start < toStartOfDay($__toTime - INTERVAL 1 SECOND, 'UTC') + INTERVAL 1 DAY
            AND $__conditionalAll(tenant IN (${tenant:singlequote}), ${tenant})
            AND $__conditionalAll(tier IN (${tier:singlequote}), ${tier})
            AND $__conditionalAll(account IN (${account:singlequote}), ${account})
            AND (width, start, version) IN
            (
                SELECT width, start, version
                FROM counted(
                    from = toUnixTimestamp(toStartOfDay($__fromTime, 'UTC')),
                    to = toUnixTimestamp(toStartOfDay($__toTime - INTERVAL 1 SECOND, 'UTC') + INTERVAL 1 DAY),
                    hours_to = toUnixTimestamp(toStartOfDay($__toTime - INTERVAL 1 SECOND, 'UTC') + INTERVAL 1 DAY),
                    days_to = toUnixTimestamp(toStartOfDay($__toTime - INTERVAL 1 SECOND, 'UTC') + INTERVAL 1 DAY))
            )
        GROUP BY day, tenant, service
    )
    GROUP BY day, tenant
)
QUALIFY dense_rank() OVER (ORDER BY cost_of_tenant DESC, tenant) <= 10
ORDER BY time, tenant
