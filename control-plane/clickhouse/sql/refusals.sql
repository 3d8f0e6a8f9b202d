-- Requests that were refused, by whom, where and why: the lines with the most requests first. The traces of a line are the latest of its latest
-- requests. So many lines are told apart as `max_rows_to_group_by` says; requests of others are counted, and in no line.
WITH asked AS
(
    SELECT tenant, user, account, service, operation, status, reason, start, trace_id
    FROM refusals FINAL
    WHERE start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
        AND ({tenant:Nullable(String)} IS NULL OR tenant = assumeNotNull({tenant:Nullable(String)}))
        AND ({user:Nullable(String)} IS NULL OR user = assumeNotNull({user:Nullable(String)}))
        AND ({service:Nullable(String)} IS NULL OR service = assumeNotNull({service:Nullable(String)}))
        AND ({reason:Nullable(String)} IS NULL OR reason = assumeNotNull({reason:Nullable(String)}))
)
SELECT
    toString(tenant), user, toString(account), toString(service), toString(operation), status, toString(reason), count() AS requests,
    toUnixTimestamp64Nano(min(start)) AS first_ns, toUnixTimestamp64Nano(max(start)) AS last_ns,
    arraySlice(arrayDistinct(arrayMap(seen -> seen.3, groupArraySorted($among)((-toUnixTimestamp64Nano(start), bitNot(reinterpretAsUInt128(reverse(trace_id))), trace_id)))), 1, {traces:UInt64}),
    assumeNotNull((SELECT count() FROM asked)) AS of_all
FROM asked
GROUP BY tenant, user, account, service, operation, status, reason
ORDER BY requests DESC, last_ns DESC, tenant, user, account, service, operation, status, reason
LIMIT {limit:UInt64}
