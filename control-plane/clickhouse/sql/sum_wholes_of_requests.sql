-- The requests of some hours or days, from what counts of their minutes.
INSERT INTO cells
WITH toUInt32({width:UInt32}) AS wide
SELECT
    together, tenant, wide AS width, toDateTime(intDiv(toUnixTimestamp(c.start), wide) * wide, 'UTC') AS start, account, service, operation, kind, tier,
    {version:UInt64} AS version,
    sum(requests), sum(failed), sum(duration_ns),
    sum(weight), sum(weighted_failed), sum(weighted_duration_ns),
    sum(estimated), sumMap(bins)
FROM cells AS c
WHERE c.width = 60 AND intDiv(toUnixTimestamp(c.start), wide) * wide IN {starts:Array(UInt32)}
    AND c.start >= toDateTime(arrayMin({starts:Array(UInt32)}), 'UTC') AND c.start < toDateTime(arrayMax({starts:Array(UInt32)}), 'UTC') + wide
    AND (c.start, c.version) IN
    (
        SELECT start, argMax(made, version) FROM sums
        WHERE width = 60 AND intDiv(toUnixTimestamp(start), wide) * wide IN {starts:Array(UInt32)}
        GROUP BY start
    )
GROUP BY ALL
