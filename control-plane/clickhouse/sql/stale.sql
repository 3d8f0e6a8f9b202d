-- Hours and days that are over and have no sums, or sums of what no longer counts of their minutes.
SELECT width, toUnixTimestamp(start) AS begin, made_of, assumeNotNull((SELECT max(version) FROM wholes)) AS newest
FROM
(
    SELECT width, toDateTime(intDiv(toUnixTimestamp(minute), width) * width, 'UTC') AS start, groupBitXor(cityHash64(minute, version)) AS made_of
    FROM (SELECT minute, max(version) AS version FROM minutes GROUP BY minute)
    ARRAY JOIN [toUInt32(3600), toUInt32(86400)] AS width
    WHERE toUnixTimestamp(start) + width <= {over:UInt32} AND start >= toDateTime({since:UInt32}, 'UTC')
    GROUP BY width, start
)
WHERE (width, start, made_of) NOT IN
    (SELECT width, start, argMax(made_of, version) FROM wholes GROUP BY width, start)
ORDER BY width, start
