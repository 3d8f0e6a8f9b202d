-- Hours and days that are over, and have no sums that count; and the version of those that are made now.
SELECT width, toUnixTimestamp(start) AS begin, max(version) AS newest, assumeNotNull((SELECT version FROM next)) AS making
FROM sums
WHERE width > 60 AND start >= toDateTime({since:UInt32}, 'UTC') AND toUnixTimestamp(start) + width <= {over:UInt32}
GROUP BY width, start
HAVING argMax(made, version) = 0
ORDER BY width, start
