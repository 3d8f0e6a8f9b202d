-- Log records as they came. `span_id` is 0 where one names no span.
CREATE TABLE IF NOT EXISTS log_records
(
    trace_id  FixedString(16) CODEC(ZSTD(1)),
    time      DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id        Int64 CODEC(ZSTD(1)),
    span_id   UInt64 CODEC(ZSTD(1)),
    tenant    LowCardinality(String),
    received  DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    resource  String COMMENT 'Resource, protobuf' CODEC(ZSTD(1)),
    body      String COMMENT 'ScopeLogs with this record alone, protobuf' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received)
ORDER BY (trace_id, time, id)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
