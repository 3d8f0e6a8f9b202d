-- Who sent spans on the last day on which any came, and when the first spans of all began, Unix seconds.
SELECT DISTINCT resource, assumeNotNull((SELECT toInt64(toUnixTimestamp(toDateTime(minIf(start, start > now() - INTERVAL 35 DAY), 'UTC'))) FROM spans)) AS first
FROM spans
WHERE toDate(received) = (SELECT max(toDate(received)) FROM spans)
