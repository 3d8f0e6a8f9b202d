-- The points that a question is about, each once, as it came first: of which line and step it is, with the attributes that are asked for.
SELECT stream, time, is_cumulative, since, count, sum, least, greatest, bounds, buckets, exemplars,
    (
        toString(metric), toString(service), toString(account),
        arrayFilter(pair -> has({by:Array(String)}, pair.1), CAST(attributes, 'Array(Tuple(String, String))')),
        toString(unit), toInt8(kind),
        intDiv(toInt64(toUnixTimestamp(toStartOfMinute(toDateTime(time, 'UTC')))), {step:Int64}) * {step:Int64}
    ) AS place
FROM metric_points FINAL
WHERE hour >= toStartOfHour(toDateTime({from:UInt32}, 'UTC')) AND hour < toDateTime({to:UInt32}, 'UTC') AND time >= toDateTime64({from:UInt32}, 9, 'UTC')
    AND time < toDateTime64({to:UInt32}, 9, 'UTC')
    -- A point comes at most an hour before its time, as clocks differ, and a day after it, beside what it waits here: whole days of others are passed over.
    AND received >= toDateTime(greatest({from:UInt32}, 3600) - 3600, 'UTC') AND received <= toDateTime({to:UInt32} + 90000, 'UTC')
    AND (empty({metrics:Array(String)}) OR metric IN {metrics:Array(String)})
    AND ({service:Nullable(String)} IS NULL OR service = assumeNotNull({service:Nullable(String)}))
    AND ({account:Nullable(String)} IS NULL OR account = assumeNotNull({account:Nullable(String)}))
    AND ({only:Nullable(String)} IS NULL OR tenant = assumeNotNull({only:Nullable(String)}))
