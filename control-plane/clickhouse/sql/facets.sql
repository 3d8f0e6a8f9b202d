-- What spans have named; of tenants those of the last 24 hours in which anybody was served.
SELECT
    arraySort(groupUniqArrayIf(name, what = 'tenant')) AS tenants,
    arraySort(groupUniqArrayIf(name, what = 'tier')) AS tiers,
    arraySort(groupUniqArrayIf(name, what = 'account')) AS accounts,
    -- One that sends no spans is known by who calls it.
    arraySort(groupUniqArrayIf(name, what = 'service')) AS services
FROM names
WHERE what != 'tenant' OR hour IN (SELECT DISTINCT hour FROM names WHERE what = 'tenant' ORDER BY hour DESC LIMIT 24)
