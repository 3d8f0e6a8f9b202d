-- Blocks that have not been read. One is visible within minutes of the time that it is marked with, or never.
WITH (SELECT least(max(at), now64(3)) FROM otel_spans_done) - INTERVAL 5 MINUTE AS since
SELECT toUnixTimestamp64Milli(at) AS at, _block_number AS block
FROM otel_spans
WHERE otel_spans.at >= since
    AND (otel_spans.at, _block_number) NOT IN (SELECT at, block FROM otel_spans_done WHERE otel_spans_done.at >= since)
GROUP BY otel_spans.at, block
ORDER BY otel_spans.at, block
LIMIT 20
