-- Requests that were refused, by whom, where and why: the lines with the most requests first. Of a span that was sent twice, the first counts.
WITH counted AS
(
    SELECT tenant, user, account, service, operation, status, reason, start, trace_id
    FROM refusals
    WHERE start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    ORDER BY rank DESC
    LIMIT 1 BY trace_id, span_id
)
SELECT
    toString(tenant), user, toString(account), toString(service), toString(operation), status, toString(reason), count() AS requests,
    toUnixTimestamp64Nano(min(start)) AS first_ns, toUnixTimestamp64Nano(max(start)) AS last_ns,
    arraySlice(arrayDistinct(arrayMap(seen -> seen.2, arrayReverseSort(groupArray((start, trace_id))))), 1, {traces:UInt64}),
    sum(count()) OVER () AS of_all
FROM counted
WHERE ({tenant:Nullable(String)} IS NULL OR tenant = assumeNotNull({tenant:Nullable(String)}))
    AND ({user:Nullable(String)} IS NULL OR user = assumeNotNull({user:Nullable(String)}))
    AND ({service:Nullable(String)} IS NULL OR service = assumeNotNull({service:Nullable(String)}))
    AND ({reason:Nullable(String)} IS NULL OR reason = assumeNotNull({reason:Nullable(String)}))
GROUP BY tenant, user, account, service, operation, status, reason
ORDER BY requests DESC, last_ns DESC, tenant, user, account, service, operation, status, reason
LIMIT {limit:UInt64}
