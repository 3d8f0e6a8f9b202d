-- Spans as they came: the wire form, and beside it what people ask for by hand. `rank` falls as time goes on, so that of a span that was
-- sent twice the first one stays: it is 2^64 - 1 minus the nanoseconds since 1970 at which its batch was written, one batch, one rank.
CREATE TABLE IF NOT EXISTS spans
(
    bucket     DateTime('UTC') DEFAULT toStartOfFiveMinutes(toDateTime(start, 'UTC')) CODEC(Delta(4), ZSTD(1)),
    start      DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id   FixedString(16) CODEC(ZSTD(1)),
    span_id    UInt64 CODEC(ZSTD(1)),
    parent_id  UInt64 CODEC(ZSTD(1)),
    kind       Enum8('INTERNAL' = 1, 'SERVER' = 2, 'CLIENT' = 3, 'PRODUCER' = 4, 'CONSUMER' = 5),
    name       LowCardinality(String),
    service    LowCardinality(String),
    account    LowCardinality(String),
    tenant     LowCardinality(String),
    tier       LowCardinality(String),
    duration   UInt64 CODEC(T64, ZSTD(1)),
    flags      UInt8 COMMENT '1 fault, 2 error, 4 throttle',
    http       UInt16 CODEC(ZSTD(1)),
    weight     Float64 CODEC(ZSTD(1)),
    rank       UInt64 CODEC(ZSTD(1)),
    place      UInt32 COMMENT 'in its batch' CODEC(ZSTD(1)),
    received   DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    resource   String COMMENT 'Resource, protobuf' CODEC(ZSTD(1)),
    scope      String COMMENT 'ScopeSpans without spans, protobuf' CODEC(ZSTD(1)),
    body       String COMMENT 'Span, protobuf' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(rank)
-- When a span came is ours to say, when it began its sender's: no request may name a hundred partitions.
PARTITION BY toDate(received)
ORDER BY (bucket, trace_id, span_id)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Where in `spans` a trace is: its rows are read by their primary key. They are there once its spans are acknowledged.
CREATE TABLE IF NOT EXISTS trace_buckets
(
    trace_id  FixedString(16) CODEC(ZSTD(1)),
    bucket    DateTime('UTC') CODEC(ZSTD(1)),
    received  DateTime('UTC') CODEC(Delta(4), ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received)
ORDER BY (trace_id, bucket)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_buckets_view TO trace_buckets AS
SELECT DISTINCT trace_id, bucket, received FROM spans;

-- Which traces a batch brought spans of, and the batches whose sums are made. It is written once the spans are there, not by a view, whose
-- rows may be seen before them.
CREATE TABLE IF NOT EXISTS changed (at DateTime64(3, 'UTC') DEFAULT now64(3), rank UInt64, trace_id FixedString(16))
ENGINE = MergeTree
ORDER BY (at, rank)
TTL toDateTime(at) + INTERVAL 8 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS done (at DateTime64(3, 'UTC'), rank UInt64)
ENGINE = MergeTree
ORDER BY (at, rank)
TTL toDateTime(at) + INTERVAL 8 DAY;

-- What spans have named: tenants by the hour, everything else ever.
CREATE TABLE IF NOT EXISTS names (what Enum8('service' = 1, 'account' = 2, 'tenant' = 3, 'tier' = 4), hour DateTime('UTC'), name String)
ENGINE = ReplacingMergeTree
ORDER BY (what, hour, name);

CREATE MATERIALIZED VIEW IF NOT EXISTS names_view TO names AS
SELECT DISTINCT named.1 AS what, named.2 AS hour, named.3 AS name
FROM spans
ARRAY JOIN
[
    ('service', toDateTime(0, 'UTC'), toString(service)),
    ('account', toDateTime(0, 'UTC'), toString(account)),
    ('tenant', toStartOfHour(toDateTime(start, 'UTC')), toString(tenant))
] AS named
WHERE named.3 != '';
