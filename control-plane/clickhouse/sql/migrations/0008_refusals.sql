-- Requests that were refused once somebody had been verified, as the leader finds them among what traces are made of: of a span that was sent
-- twice, what came first. A trace that is read again makes the same rows.
CREATE TABLE IF NOT EXISTS refusals
(
    start      DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id   FixedString(16) CODEC(ZSTD(1)),
    span_id    UInt64 CODEC(ZSTD(1)),
    rank       UInt64 CODEC(ZSTD(1)),
    tenant     LowCardinality(String),
    user       String CODEC(ZSTD(1)),
    account    LowCardinality(String),
    service    LowCardinality(String),
    operation  LowCardinality(String),
    status     UInt16 CODEC(ZSTD(1)),
    reason     LowCardinality(String),
    received   DateTime('UTC') CODEC(Delta(4), ZSTD(1))
)
ENGINE = ReplacingMergeTree(rank)
ORDER BY (start, trace_id, span_id)
PARTITION BY toDate(received)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 2048, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
