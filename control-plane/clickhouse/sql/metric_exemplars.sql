-- The greatest of the measurements of each step that lead to a trace, each once.
SELECT place, exemplar.trace_id AS trace_id, exemplar.span_id AS span_id, exemplar.value AS value, exemplar.time AS time_ns
FROM (SELECT DISTINCT place, arrayJoin(exemplars) AS exemplar FROM ($points))
ORDER BY value DESC, time_ns, trace_id, span_id
LIMIT {limit:UInt64} BY place
