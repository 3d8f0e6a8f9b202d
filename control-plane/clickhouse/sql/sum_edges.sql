-- The edges of some minutes, summed anew.
INSERT INTO edges
SELECT
    whose AS tenant, 60 AS width, minute AS start, tier,
    used.source_kind, used.source_account, used.source_name, used.target_kind, used.target_account, used.target_name,
    {version:UInt64} AS version,
    count(), countIf(bitTest(used.flags, 1)), countIf(bitTest(used.flags, 0)), countIf(bitTest(used.flags, 2)),
    sum(used.weight), sumIf(used.weight, bitTest(used.flags, 1)), sumIf(used.weight, bitTest(used.flags, 0)), sum(used.weight * used.duration),
    countIf(used.estimated = 1), sumMap(map(used.bin, used.weight))
FROM
(
    SELECT minute, tenant AS own, tier, arrayJoin(uses) AS used
    FROM placed FINAL
    WHERE minute IN (SELECT toDateTime(arrayJoin({minutes:Array(UInt32)}), 'UTC'))
)
ARRAY JOIN if(own = '', [''], ['', toString(own)]) AS whose
GROUP BY ALL
