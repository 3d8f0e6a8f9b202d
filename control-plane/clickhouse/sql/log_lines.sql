-- The log records of a trace, each once: what names a tenant is for that one alone.
SELECT resource, body
FROM log_records FINAL
WHERE trace_id = toFixedString(unhex({trace_id:String}), 16)
    AND ({only:Nullable(String)} IS NULL OR tenant = '' OR tenant = assumeNotNull({only:Nullable(String)}))
ORDER BY time, id
