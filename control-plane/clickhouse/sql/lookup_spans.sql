-- Spans of some time that hold what attributes hold, or whose senders do, some of each trace: which attributes these are, a bit for each, and
-- 256 times that for senders. Conditions stand in WHERE, where ClickHouse remembers what they found; grouping here would copy all of it.
SELECT trace_id, $held AS held, if(held % 256 > 0, body, ''), if(held >= 256, resource, '')
FROM spans
PREWHERE $of_tenant
WHERE bucket >= toDateTime({first:UInt32}, 'UTC') AND bucket <= toDateTime({last:UInt32}, 'UTC')
    AND ($any)
LIMIT {most:UInt64} BY trace_id, held
