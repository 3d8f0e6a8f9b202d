-- The first of the batches whose sums are not made yet.
WITH (SELECT max(at) FROM done) - INTERVAL 5 MINUTE AS since
SELECT toUnixTimestamp64Milli(at)
FROM changed
WHERE changed.at >= since AND rank NOT IN (SELECT rank FROM done WHERE done.at >= since)
ORDER BY changed.at
LIMIT 1
