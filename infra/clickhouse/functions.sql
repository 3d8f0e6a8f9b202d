-- What do functions measure of themselves, over time? Of all their processes together, by delta points; what a sender counts since it began is left
-- out. Latencies are interpolated within their bucket; there are none where senders have different buckets.
WITH
    share -> arrayFirstIndex(reached -> reached >= share * up_to[-1], up_to) AS bucket,
    at -> ifNull(if(up_to[at] = durations[at], shortest, edges[at - 1]), 0) AS lower,
    at -> if(at > length(edges), ifNull(longest, edges[-1]), ifNull(least(edges[at], longest), edges[at])) AS upper,
    (share, at) -> if(at > length(edges), upper(at),
        lower(at) + (upper(at) - lower(at)) * (share * up_to[-1] - up_to[at] + durations[at]) / durations[at]) AS within
SELECT
    time, service, failed, timed_out, cold_starts, init_s, memory_bytes, memory_share, age_s, redelivered, bookings, miles,
    succeeded + failed + timed_out AS invocations,
    if(kinds_of_edges = 1, 1000 * within(0.5, bucket(0.5)), NULL) AS p50_ms,
    if(kinds_of_edges = 1, 1000 * within(0.99, bucket(0.99)), NULL) AS p99_ms
FROM
(
    SELECT
        $__timeInterval(at) AS time,
        service,
        sumIf(sum, metric = 'faas.invocations') AS succeeded,
        sumIf(sum, metric = 'faas.errors') AS failed,
        sumIf(sum, metric = 'faas.timeouts') AS timed_out,
        sumIf(sum, metric = 'faas.coldstarts') AS cold_starts,
        maxIf(greatest, metric = 'faas.init_duration') AS init_s,
        maxIf(greatest, metric = 'faas.mem_usage') AS memory_bytes,
        maxIf(greatest / toFloat64OrNull(attributes['faas.max_memory']), metric = 'faas.mem_usage') AS memory_share,
        maxIf(greatest, metric = 'messaging.process.age') AS age_s,
        sumIf(sum, metric = 'messaging.client.redelivered.messages') AS redelivered,
        sumIf(sum, metric = 'booking.bookings') AS bookings,
        sumIf(sum, metric = 'mileage.miles') AS miles,
        uniqExactIf(bounds, metric = 'http.server.request.duration') AS kinds_of_edges,
        anyIf(bounds, metric = 'http.server.request.duration') AS edges,
        sumForEachIf(buckets, metric = 'http.server.request.duration') AS durations,
        arrayCumSum(durations) AS up_to,
        minIf(least, metric = 'http.server.request.duration') AS shortest,
        maxIf(greatest, metric = 'http.server.request.duration') AS longest
    FROM
    (
        SELECT time AS at, service, metric, attributes, sum, least, greatest, bounds, buckets
        FROM metric_points FINAL
        WHERE hour >= toStartOfHour($__fromTime, 'UTC') AND time >= $__fromTime AND time < $__toTime AND NOT is_cumulative
            AND $__conditionalAll(account IN (${account:singlequote}), ${account})
    )
    GROUP BY time, service
)
ORDER BY time, service
