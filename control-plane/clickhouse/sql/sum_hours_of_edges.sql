-- The edges of some hours, from what counts of their minutes.
INSERT INTO edges
SELECT
    tenant, 3600 AS width, toStartOfHour(e.start) AS start, tier,
    source_kind, source_account, source_name, target_kind, target_account, target_name,
    {version:UInt64} AS version,
    sum(count), sum(errors), sum(faults), sum(throttles),
    sum(weight), sum(weighted_errors), sum(weighted_faults), sum(weighted_duration_ns),
    sum(estimated), sumMap(bins)
FROM edges AS e
WHERE e.width = 60 AND toUnixTimestamp(toStartOfHour(e.start)) IN {starts:Array(UInt32)}
    AND e.start >= toDateTime(arrayMin({starts:Array(UInt32)}), 'UTC') AND e.start < toDateTime(arrayMax({starts:Array(UInt32)}), 'UTC') + 3600
    AND (e.start, e.version) IN
    (
        SELECT start, argMax(made, version) FROM sums
        WHERE width = 60 AND toUnixTimestamp(toStartOfHour(start)) IN {starts:Array(UInt32)}
        GROUP BY start
    )
GROUP BY ALL
