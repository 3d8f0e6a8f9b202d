-- What spans have named; of tenants those of the last 24 hours in which anybody was served.
SELECT
    (SELECT arraySort(groupUniqArray(name)) FROM names WHERE what = 'tenant' AND hour IN
        (SELECT DISTINCT hour FROM names WHERE what = 'tenant' ORDER BY hour DESC LIMIT 24)) AS tenants,
    (SELECT arraySort(groupUniqArray(toString(tier))) FROM edges WHERE tenant = '' AND tier != '') AS tiers,
    (SELECT arraySort(groupUniqArray(name)) FROM names WHERE what = 'account') AS accounts,
    (SELECT arraySort(groupUniqArray(name)) FROM
    (
        SELECT name FROM names WHERE what = 'service'
        -- One that sends no spans is known by who calls it.
        UNION ALL SELECT toString(target_name) FROM edges WHERE tenant = '' AND target_kind = 'service'
    )) AS services
