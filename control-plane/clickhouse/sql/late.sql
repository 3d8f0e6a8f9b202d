-- Whose requests of before some time were summed since.
SELECT max(version) AS newest, groupUniqArrayIf(tenant, earliest < {until:Int64}) AS tenants
FROM late
WHERE version > {since:UInt64}
