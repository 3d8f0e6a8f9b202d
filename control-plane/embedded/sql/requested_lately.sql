-- What a tenant's requests named on the latest day that has any of them, and the day before: to select from.
WITH RECURSIVE own(id) AS (SELECT id FROM names WHERE text = ?1),
days(day) AS (
    SELECT max(bucket) FROM day_cells
    UNION ALL SELECT (SELECT max(bucket) FROM day_cells WHERE bucket < day) FROM days WHERE day IS NOT NULL
),
latest(day) AS (
    SELECT max(day) FROM days, own WHERE EXISTS (SELECT 1 FROM day_cells WHERE bucket = days.day AND tenant = own.id)
),
requested AS (
    SELECT DISTINCT account, name, tier FROM day_cells
    JOIN series ON series.id = day_cells.series JOIN nodes ON nodes.id = series.service
    WHERE bucket IN (SELECT day FROM latest UNION ALL SELECT day - 86400 FROM latest)
    AND tenant = (SELECT id FROM own)
)
