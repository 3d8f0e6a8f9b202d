-- Requests in buckets of five minutes and bins of latency: the rows that every question below is answered from, the same as
-- those of the crate `slo` (control-plane/slo/src/row.rs). Rows of one key add up; until ClickHouse has merged them there may be
-- several, so queries sum.
--
-- account    `cloud.account.id` of the span, else of its resource; empty if neither says it
-- kind       server or consumer
-- tenant     empty for requests that nobody was identified for
-- bin        floor(log2(nanoseconds) * 8): eight bins to a doubling
-- requests   spans; of them failed, and estimated: those whose sampling probability is not known
-- weight     requests that those stand for: the sum of adjusted counts; the same of failures and of durations
CREATE TABLE IF NOT EXISTS request_cells
(
    bucket               DateTime CODEC(DoubleDelta, ZSTD(1)),
    account              LowCardinality(String),
    service              LowCardinality(String),
    operation            LowCardinality(String),
    kind                 LowCardinality(String),
    tenant               LowCardinality(String),
    tier                 LowCardinality(String),
    bin                  UInt16,
    requests             UInt64,
    failed               UInt64,
    duration_ns          UInt64,
    weight               Float64,
    weighted_failed      Float64,
    weighted_duration_ns Float64,
    estimated            UInt64
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (tenant, bucket, tier, account, service, operation, kind, bin)
-- A 30-day budget, and a few days to look back on.
TTL bucket + INTERVAL 35 DAY;
