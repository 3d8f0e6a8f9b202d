-- The first log records of a trace, or of one of its spans, each once: what names a tenant is for that one alone, and what names nobody is for
-- whom its span was made.
SELECT resource, body
FROM log_records FINAL
WHERE trace_id = toFixedString(unhex({trace_id:String}), 16)
    AND ({span_id:Nullable(UInt64)} IS NULL OR span_id = assumeNotNull({span_id:Nullable(UInt64)}))
    AND
    (
        {only:Nullable(String)} IS NULL
        OR {only:Nullable(String)} != '' AND
        (
            tenant = assumeNotNull({only:Nullable(String)})
            OR tenant = '' AND span_id IN
            (
                -- Of a span that was sent twice, what came first counts.
                SELECT span_id
                FROM spans
                WHERE {only:Nullable(String)} != ''
                    AND bucket IN (SELECT bucket FROM trace_buckets WHERE trace_id = toFixedString(unhex({trace_id:String}), 16))
                    AND trace_id = toFixedString(unhex({trace_id:String}), 16)
                GROUP BY span_id
                HAVING argMax(tenant, (rank, bitNot(place))) = assumeNotNull({only:Nullable(String)})
            )
        )
    )
ORDER BY time, id
LIMIT {limit:UInt32}
