-- From one service to the next, so that of one with many series a few are read. An API whose refusals are counted here sends no points itself.
WITH RECURSIVE services(name) AS (
    SELECT min(service) FROM metric_series WHERE metric != ?2 AND (?1 IS NULL OR tenant = ?1)
    UNION ALL
    SELECT (SELECT min(service) FROM metric_series WHERE service > name AND metric != ?2 AND (?1 IS NULL OR tenant = ?1))
    FROM services WHERE name IS NOT NULL
)
SELECT name FROM services WHERE name IS NOT NULL
