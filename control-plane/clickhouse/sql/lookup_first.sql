-- Some traces, by when they began and their ids.
SELECT toDateTime(named.1, 'UTC'), toFixedString(unhex(named.2), 16)
FROM (SELECT arrayJoin(arrayZip({buckets:Array(UInt32)}, {traces:Array(String)})) AS named)
