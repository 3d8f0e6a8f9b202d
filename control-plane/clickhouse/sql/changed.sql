-- Batches whose sums are not made yet, and the version of what is made of them. A batch is visible within minutes of the time that it is
-- marked with, or never.
WITH (SELECT least(max(at), now64(3)) FROM done) - INTERVAL 5 MINUTE AS since
SELECT DISTINCT toUnixTimestamp64Milli(at) AS at, rank, assumeNotNull((SELECT version FROM next)) AS version
FROM changed
WHERE changed.at >= since AND rank NOT IN (SELECT rank FROM done WHERE done.at >= since)
ORDER BY changed.at, rank DESC
LIMIT {batches:UInt32}
