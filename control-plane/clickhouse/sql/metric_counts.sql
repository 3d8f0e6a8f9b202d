-- What senders have counted since they began, by stream and time.
SELECT place, stream, toUnixTimestamp64Nano(time) AS time_ns, since, count, sum, bounds, buckets
FROM ($points)
WHERE is_cumulative
ORDER BY stream, time
