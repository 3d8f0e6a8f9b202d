-- Who has which share of time and requests, and what does it cost, by tenant, tier and service? On the whole days (UTC) that the window touches,
-- as on the control plane's page. Of all requests that those seen stand for, those of nobody that is known among them: shares add up to 1.
-- `is_estimated` marks lines with requests whose sampling probability is not known: their numbers are too low, or right. The control plane
-- divides the total by largest remainders, so that its lines add up to the cent; these are not rounded.
WITH
    ${prices:raw} AS prices,
    prices[if(mapContains(prices, service), toString(service), '')] AS price,
    toStartOfDay($__fromTime, 'UTC') AS since,
    toStartOfDay($__toTime - INTERVAL 1 SECOND, 'UTC') + INTERVAL 1 DAY AS until
SELECT
    tenant,
    tier,
    service,
    sum(weight) AS all_requests,
    all_requests / sum(all_requests) OVER () AS requests_share,
    sum(weighted_duration_ns) / 1e9 AS seconds,
    seconds / sum(seconds) OVER () AS seconds_share,
    all_requests * any(price.1) / 1e6 + seconds * any(price.3) / 1024 * any(price.2) AS cost,
    sum(estimated) > 0 AS is_estimated
FROM cells
WHERE together = 0 AND start >= since AND start < until
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
GROUP BY tenant, tier, service
ORDER BY cost DESC, seconds DESC, tenant, tier, service
