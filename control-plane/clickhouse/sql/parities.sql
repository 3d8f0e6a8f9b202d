-- Some minutes, by whether the version of their sums that counts is even or odd.
SELECT toUInt64(counts % 2) AS parity, groupArray(minute) AS minutes
FROM
(
    SELECT asked.minute AS minute, argMax(s.made, s.version) AS counts
    FROM (SELECT arrayJoin({minutes:Array(UInt32)}) AS minute) AS asked
    LEFT JOIN (SELECT toUnixTimestamp(start) AS minute, made, version FROM sums WHERE width = 60 AND start IN (SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC'))) AS s
        ON s.minute = asked.minute
    GROUP BY minute
)
GROUP BY parity
