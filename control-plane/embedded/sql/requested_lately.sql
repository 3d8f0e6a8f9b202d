-- What a tenant's requests named on the latest day there is, and the day before: to select from.
WITH latest(day) AS (SELECT max(bucket) FROM day_cells),
requested AS (
    SELECT DISTINCT account, name, tier FROM day_cells
    JOIN series ON series.id = day_cells.series JOIN nodes ON nodes.id = series.service
    WHERE bucket IN (SELECT day FROM latest UNION ALL SELECT day - 86400 FROM latest)
    AND tenant = (SELECT id FROM names WHERE text = ?1)
)
