-- How many requests of each tenant were refused, but for those beyond a quota. Of a span that was sent twice, the first counts.
SELECT toString(tenant), count()
FROM
(
    SELECT tenant, status
    FROM refusals
    WHERE start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
        AND ({own:Nullable(String)} IS NULL OR tenant = assumeNotNull({own:Nullable(String)}))
    ORDER BY rank DESC
    LIMIT 1 BY trace_id, span_id
)
WHERE status != 429
GROUP BY tenant
