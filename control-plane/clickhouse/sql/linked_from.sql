-- The spans that refer to a trace by links, the newest first; of very many, the newest are looked at. Of a span that came more than once, what
-- it said first counts. That they are named by their ids as well changes no answer: it keeps other spans of their traces out of the sorting.
WITH named AS
(
    SELECT trace_id, span_id, rank
    FROM links
    WHERE linked = toFixedString(unhex({trace_id:String}), 16)
        AND ({own:Nullable(String)} IS NULL OR tenant = assumeNotNull({own:Nullable(String)}))
    ORDER BY start DESC
    LIMIT {looked_at:UInt64}
)
SELECT trace_id, span_id, name, service, tenant, toUnixTimestamp64Nano(start) AS start_ns,
    assumeNotNull((SELECT count() FROM named)) = {looked_at:UInt64} AS cut
FROM
(
    SELECT trace_id, span_id, rank, name, service, tenant, start
    FROM spans
    WHERE (bucket, trace_id) IN
        (SELECT bucket, trace_id FROM trace_buckets WHERE trace_id IN (SELECT trace_id FROM named))
        AND (trace_id, span_id) IN (SELECT trace_id, span_id FROM named)
    ORDER BY rank DESC, place
    LIMIT 1 BY trace_id, span_id
)
WHERE (trace_id, span_id, rank) IN (SELECT trace_id, span_id, rank FROM named)
ORDER BY start_ns DESC, trace_id DESC, span_id
LIMIT {limit:UInt64}
