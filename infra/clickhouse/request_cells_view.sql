-- Counts spans as the collector writes them. It sees what is inserted, once: a span that a collector sends twice counts
-- twice. ClickHouse drops a repeated insert of the same block on a replicated table only, and never sees that two batches have
-- a span in common.
--
-- A request is a SERVER span, unless it is the invocation of a function by a batch of messages, or a CONSUMER span. It failed
-- if its HTTP status is 5xx, or its status is an error and no 4xx says that it was the caller's. Kinds and statuses are spelt as
-- exporters of any age spell them. Odd spans are what the control plane takes them for: one that ends before it starts, whose
-- duration the exporter writes as 2^64 less what is missing, took no time; a tenant of the sender is that of its spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS request_cells_view TO request_cells AS
WITH
    SpanKind IN ('Consumer', 'SPAN_KIND_CONSUMER') AS is_consumer,
    toUInt16OrZero(if(SpanAttributes['http.response.status_code'] != '',
        SpanAttributes['http.response.status_code'], SpanAttributes['http.status_code'])) AS http,
    http >= 500 OR (StatusCode IN ('Error', 'STATUS_CODE_ERROR') AND NOT (http BETWEEN 400 AND 499)) AS is_failed,
    toFloat64OrZero(SpanAttributes['sampling.adjusted_count']) AS adjusted,
    -- What stands for fewer than itself is no count, and no span stands for more than ten thousand.
    if(adjusted >= 1, least(adjusted, 10000), 1) AS stands_for,
    if(Duration < 9223372036854775808, Duration, 0) AS took,
    SpanAttributes['tenant.id'] AS own_tenant,
    ResourceAttributes['tenant.id'] AS senders_tenant,
    -- The sender's tier is of the sender's tenant only.
    if(own_tenant = '' OR own_tenant = senders_tenant, ResourceAttributes['tenant.tier'], '') AS senders_tier
SELECT
    toStartOfInterval(toDateTime(Timestamp), INTERVAL 5 MINUTE) AS bucket,
    if(SpanAttributes['cloud.account.id'] != '', SpanAttributes['cloud.account.id'], ResourceAttributes['cloud.account.id'])
        AS account,
    ServiceName AS service,
    SpanName AS operation,
    if(is_consumer, 'consumer', 'server') AS kind,
    if(own_tenant != '', own_tenant, senders_tenant) AS tenant,
    if(SpanAttributes['tenant.tier'] != '', SpanAttributes['tenant.tier'], senders_tier) AS tier,
    -- Exact for durations up to 14 minutes: the logarithm of a power of two is.
    toUInt16(floor(log2(greatest(took, 1)) * 8)) AS bin,
    count() AS requests,
    countIf(is_failed) AS failed,
    sum(took) AS duration_ns,
    sum(stands_for) AS weight,
    sumIf(stands_for, is_failed) AS weighted_failed,
    sum(stands_for * took) AS weighted_duration_ns,
    countIf(SpanAttributes['sampling.estimated'] = 'true' OR adjusted > 10000) AS estimated
FROM otel_traces
WHERE is_consumer OR
    (SpanKind IN ('Server', 'SPAN_KIND_SERVER') AND SpanAttributes['faas.trigger'] IN ('', 'http'))
GROUP BY bucket, account, service, operation, kind, tenant, tier, bin;
