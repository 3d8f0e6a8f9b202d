-- How many requests of some tenants, or of all, were refused, but for those beyond a quota and those as decided.
SELECT toString(tenant), count()
FROM refusals FINAL
WHERE start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
    AND ({eyes:Nullable(String)} IS NULL OR tenant = assumeNotNull({eyes:Nullable(String)}))
    AND (empty({tenants:Array(String)}) OR tenant IN {tenants:Array(String)})
    AND status != 429 AND reason NOT IN {decided:Array(String)}
GROUP BY tenant
