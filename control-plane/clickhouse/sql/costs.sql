-- What was used on some days, by tenant and series.
SELECT
    account, service, operation, kind, tenant, tier,
    sum(requests) AS n, sum(weight) AS w, sum(weighted_duration_ns) AS wd, sum(estimated) AS e
FROM cells
WHERE together = 0 AND ({tenant:Nullable(String)} IS NULL OR tenant = {tenant:Nullable(String)})
    AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC')
    AND (minute, version) IN
    (
        SELECT minute, max(version) FROM minutes
        WHERE minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC')
        GROUP BY minute
    )
GROUP BY account, service, operation, kind, tenant, tier
