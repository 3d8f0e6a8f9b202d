-- Which spans refer to a trace by links, and the batch that brought each: a span that came again and says something else does not count.
CREATE TABLE IF NOT EXISTS links
(
    linked    FixedString(16) CODEC(ZSTD(1)),
    start     DateTime64(9, 'UTC') CODEC(ZSTD(1)),
    trace_id  FixedString(16) CODEC(ZSTD(1)),
    span_id   UInt64 CODEC(ZSTD(1)),
    rank      UInt64 CODEC(ZSTD(1)),
    tenant    LowCardinality(String),
    received  DateTime('UTC') CODEC(Delta(4), ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received)
ORDER BY (linked, start, trace_id, span_id, rank)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
