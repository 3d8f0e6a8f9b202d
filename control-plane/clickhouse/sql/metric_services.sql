-- The services that points came of within a day, by name.
SELECT DISTINCT toString(service) AS name
FROM metric_points
WHERE received >= now() - INTERVAL 1 DAY
    AND ({only:Nullable(String)} IS NULL OR (tenant = assumeNotNull({only:Nullable(String)}) AND tenant != ''))
ORDER BY name
