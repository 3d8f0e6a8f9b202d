-- How many requests of some tenants, or of all, were refused, but for those beyond a quota and those as decided. Of a span that was sent twice, what it
-- said first counts.
SELECT toString(tenant), count()
FROM
(
    SELECT tenant, status, reason
    FROM refusals
    WHERE start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
        AND ({eyes:Nullable(String)} IS NULL OR tenant = assumeNotNull({eyes:Nullable(String)}))
        AND (empty({tenants:Array(String)}) OR tenant IN {tenants:Array(String)})
    ORDER BY rank DESC
    LIMIT 1 BY trace_id, span_id
)
WHERE status != 429 AND reason NOT IN {decided:Array(String)}
GROUP BY tenant
