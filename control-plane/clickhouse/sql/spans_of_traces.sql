-- All spans of some traces, which are in some five minutes, trace by trace, in the order in which they came.
SELECT trace_id, rank, resource, body
FROM spans
WHERE (bucket, trace_id) IN
(
    SELECT toDateTime(at.1, 'UTC'), toFixedString(unhex(at.2), 16)
    FROM (SELECT arrayJoin({places:Array(Tuple(UInt32, String))}) AS at)
)
ORDER BY trace_id, rank DESC, place
