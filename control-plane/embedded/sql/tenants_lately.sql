-- Whoever was served in the last hours in which anybody was, so that it stays quick; whoever was served long ago can be typed in.
WITH RECURSIVE hours(hour, n) AS (
    SELECT max(hour), 1 FROM trace_tenants
    UNION ALL
    SELECT (SELECT max(hour) FROM trace_tenants WHERE hour < hours.hour), n + 1 FROM hours
    WHERE hours.hour IS NOT NULL AND n < 24
), served(hour, tenant) AS (
    SELECT hour, (SELECT min(tenant) FROM trace_tenants o WHERE o.hour = hours.hour) FROM hours
    UNION ALL
    SELECT hour, (SELECT min(tenant) FROM trace_tenants o WHERE o.hour = served.hour AND tenant > served.tenant)
    FROM served WHERE served.tenant IS NOT NULL
)
SELECT DISTINCT text FROM served JOIN names ON names.id = served.tenant ORDER BY text
