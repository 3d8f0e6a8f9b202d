-- The services that sent points within a day, by name. An API whose refusals are counted here sends none itself.
SELECT DISTINCT toString(service) AS name
FROM metric_points
WHERE received >= now() - INTERVAL 1 DAY
    AND metric != {counted_here:String}
    AND ({only:Nullable(String)} IS NULL OR (tenant = assumeNotNull({only:Nullable(String)}) AND tenant != ''))
ORDER BY name
