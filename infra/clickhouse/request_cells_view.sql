-- Counts spans as the collector writes them. It sees what is inserted, once: a span that a collector sends twice counts
-- twice. ClickHouse drops a repeated insert of the same block on a replicated table only, and never sees that two batches have
-- a span in common.
--
-- A request is a SERVER span, unless it is the invocation of a function by a batch of messages, or a CONSUMER span. It failed
-- if its HTTP status is 5xx, or its status is an error and no 4xx says that it was the caller's. Kinds and statuses are spelt as
-- exporters of any age spell them.
CREATE MATERIALIZED VIEW IF NOT EXISTS request_cells_view TO request_cells AS
WITH
    SpanKind IN ('Consumer', 'SPAN_KIND_CONSUMER') AS is_consumer,
    toUInt16OrZero(if(SpanAttributes['http.response.status_code'] != '',
        SpanAttributes['http.response.status_code'], SpanAttributes['http.status_code'])) AS http,
    http >= 500 OR (StatusCode IN ('Error', 'STATUS_CODE_ERROR') AND NOT (http BETWEEN 400 AND 499)) AS is_failed,
    toFloat64OrZero(SpanAttributes['sampling.adjusted_count']) AS adjusted,
    -- What stands for fewer than itself, or for more than a sampling threshold can say, is no count.
    if(adjusted >= 1 AND adjusted <= 72057594037927936, adjusted, 1) AS stands_for
SELECT
    toStartOfInterval(toDateTime(Timestamp), INTERVAL 5 MINUTE) AS bucket,
    if(SpanAttributes['cloud.account.id'] != '', SpanAttributes['cloud.account.id'], ResourceAttributes['cloud.account.id'])
        AS account,
    ServiceName AS service,
    SpanName AS operation,
    if(is_consumer, 'consumer', 'server') AS kind,
    SpanAttributes['tenant.id'] AS tenant,
    SpanAttributes['tenant.tier'] AS tier,
    -- Exact for durations up to 14 minutes: the logarithm of a power of two is.
    toUInt16(floor(log2(greatest(Duration, 1)) * 8)) AS bin,
    count() AS requests,
    countIf(is_failed) AS failed,
    sum(Duration) AS duration_ns,
    sum(stands_for) AS weight,
    sumIf(stands_for, is_failed) AS weighted_failed,
    sum(stands_for * Duration) AS weighted_duration_ns,
    countIf(SpanAttributes['sampling.estimated'] = 'true') AS estimated
FROM otel_traces
WHERE is_consumer OR
    (SpanKind IN ('Server', 'SPAN_KIND_SERVER') AND SpanAttributes['faas.trigger'] IN ('', 'http'))
GROUP BY bucket, account, service, operation, kind, tenant, tier, bin;
