-- Batches whose sums are not made yet. A batch is visible within minutes of the time that it is marked with, or never.
WITH (SELECT max(at) FROM done) - INTERVAL 5 MINUTE AS since
SELECT DISTINCT toUnixTimestamp64Milli(at) AS at, rank, assumeNotNull((SELECT max(version) FROM sums)) AS newest
FROM changed
WHERE changed.at >= since AND rank NOT IN (SELECT rank FROM done WHERE done.at >= since)
ORDER BY changed.at, rank DESC
LIMIT {batches:UInt32}
