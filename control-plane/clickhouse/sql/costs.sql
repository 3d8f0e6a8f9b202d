-- What was used on some days, by tenant and series: of the columns of sums, those that costs are made of.
SELECT
    nullIf(toString(account), ''), service, operation, kind = 'CONSUMER', nullIf(toString(tenant), ''), nullIf(toString(tier), ''),
    toInt64(0) AS begin, toUInt32(0) AS wide,
    sum(requests) AS n, toUInt64(0) AS f, toUInt128(0) AS d, sum(weight) AS w, toFloat64(0) AS wf,
    sum(weighted_duration_ns) AS wd, sum(estimated) AS e, CAST(map() AS Map(UInt16, Float64)) AS b
FROM cells
WHERE together = 0 AND ({tenant:Nullable(String)} IS NULL OR tenant = {tenant:Nullable(String)})
    AND start >= toDateTime({from:UInt32}, 'UTC') AND start < toDateTime({to:UInt32}, 'UTC')
    AND (width, start, version) IN
        (SELECT width, start, version FROM counted(from = {from:UInt32}, to = {to:UInt32}, hours_to = {to:UInt32}, days_to = {to:UInt32}))
GROUP BY account, service, operation, kind, tenant, tier
