-- How many rows the traces of some time have: more than spans where one came again.
SELECT trace_id, count() AS of_trace
FROM spans
PREWHERE $of_tenant
WHERE bucket >= toDateTime({first:UInt32}, 'UTC') AND bucket <= toDateTime({last:UInt32}, 'UTC')
GROUP BY trace_id
