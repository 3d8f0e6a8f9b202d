-- All spans of some traces, trace by trace, in the order in which they came.
SELECT trace_id, rank, resource, body
FROM spans
WHERE trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16))
ORDER BY trace_id, rank DESC, place
