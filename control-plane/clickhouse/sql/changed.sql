-- Batches whose sums are not made yet, and their traces. A batch is visible within minutes of the time that it is marked with, or never.
WITH (SELECT max(at) FROM done) - INTERVAL 5 MINUTE AS since
SELECT toUnixTimestamp64Milli(at) AS at, rank, groupArray(trace_id) AS traces, assumeNotNull((SELECT max(version) FROM minutes)) AS newest
FROM changed
WHERE changed.at >= since AND rank NOT IN (SELECT rank FROM done WHERE done.at >= since)
GROUP BY changed.at, rank
ORDER BY changed.at, rank DESC
LIMIT {batches:UInt32}
