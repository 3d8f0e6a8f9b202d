-- Spans of a trace in the order in which they came, those that came again among them.
SELECT resource, body
FROM spans
WHERE trace_id = unhex({trace_id:String})
ORDER BY rank DESC, place
