-- Who sent spans on the last day on which any came, and when the first spans of all began, Unix seconds. Only the first five minutes are read for that.
SELECT DISTINCT resource, assumeNotNull((
    SELECT toInt64(toUnixTimestamp(toDateTime(min(start), 'UTC')))
    FROM spans
    WHERE bucket = (SELECT min(bucket) FROM spans WHERE bucket > now() - INTERVAL 35 DAY)
)) AS first
FROM spans
WHERE toDate(received) = (SELECT max(toDate(received)) FROM spans)
LIMIT 100000
