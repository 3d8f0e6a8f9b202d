-- Points of metrics as they came, each with what it has in common with others. Of a point that was sent twice the first stays, as of a span.
-- What senders count since they began is told apart when it is read.
CREATE TABLE IF NOT EXISTS metric_points
(
    service        LowCardinality(String),
    metric         LowCardinality(String),
    hour           DateTime('UTC') DEFAULT toStartOfHour(toDateTime(time, 'UTC')) CODEC(Delta(4), ZSTD(1)),
    stream         Int64 CODEC(ZSTD(1)),
    time           DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    rank           UInt64 CODEC(ZSTD(1)),
    received       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    unit           LowCardinality(String),
    kind           Enum8('GAUGE' = 0, 'SUM' = 1, 'HISTOGRAM' = 2),
    account        LowCardinality(String),
    tenant         LowCardinality(String),
    attributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    is_cumulative  Bool,
    since          Int64 COMMENT 'when its sender began, nanoseconds since 1970, where it is cumulative' CODEC(ZSTD(1)),
    count          UInt64 CODEC(T64, ZSTD(1)),
    sum            Float64 CODEC(ZSTD(1)),
    least          Nullable(Float64) CODEC(ZSTD(1)),
    greatest       Nullable(Float64) CODEC(ZSTD(1)),
    bounds         Array(Float64) CODEC(ZSTD(1)),
    buckets        Array(UInt64) CODEC(ZSTD(1)),
    exemplars      Array(Tuple(trace_id FixedString(16), span_id UInt64, value Float64, time Int64)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toDate(received)
ORDER BY (service, metric, hour, stream, time)
TTL received + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
