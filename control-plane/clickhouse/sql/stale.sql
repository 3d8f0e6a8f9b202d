-- Hours and days that are over, and have no sums that count.
SELECT width, toUnixTimestamp(start) AS begin, max(version) AS newest
FROM sums
WHERE width > 60 AND start >= toDateTime({since:UInt32}, 'UTC') AND toUnixTimestamp(start) + width <= {over:UInt32}
GROUP BY width, start
HAVING argMax(made, version) = 0
ORDER BY width, start
