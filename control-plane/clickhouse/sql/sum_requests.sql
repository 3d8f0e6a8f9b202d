-- The requests of some minutes, summed anew.
INSERT INTO cells
SELECT
    whose.1 AS together, whose.2 AS tenant, 60 AS width, minute AS start, account, service, operation, kind, tier,
    {version:UInt64} AS version,
    count(), countIf(bitTest(flags, 0)), sum(duration),
    sum(weight), sumIf(weight, bitTest(flags, 0)), sum(weight * duration),
    countIf(estimated = 1), sumMap(map(bin, weight))
FROM
(
    SELECT minute, tenant AS own, account, service, operation, kind, tier, flags, duration, weight, estimated, bin
    FROM placed FINAL
    WHERE minute IN (SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC')) AND request = 1
)
ARRAY JOIN [(1, ''), (0, toString(own))] AS whose
GROUP BY ALL
