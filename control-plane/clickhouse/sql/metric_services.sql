-- The services that points came of, by name.
SELECT DISTINCT toString(service) AS name
FROM metric_points
WHERE {only:Nullable(String)} IS NULL
    OR (tenant = assumeNotNull({only:Nullable(String)}) AND tenant != '')
ORDER BY name
