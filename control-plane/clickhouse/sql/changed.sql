-- Batches whose sums are not made yet, and the version of what is made of them: by the database's clock, and above all before. A batch is
-- visible within minutes of the time that it is marked with, or never.
WITH (SELECT least(max(at), now64(3)) FROM done) - INTERVAL 5 MINUTE AS since
SELECT DISTINCT
    toUnixTimestamp64Milli(at) AS at, rank,
    greatest(toUInt64(toUnixTimestamp64Nano(now64(9))), assumeNotNull((SELECT max(version) FROM sums)) + 1) AS version
FROM changed
WHERE changed.at >= since AND rank NOT IN (SELECT rank FROM done WHERE done.at >= since)
ORDER BY changed.at, rank DESC
LIMIT {batches:UInt32}
