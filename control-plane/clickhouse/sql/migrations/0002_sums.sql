-- What one leader makes of the traces that changed, from all their spans. Everything has a version, and nothing is ever added to: what is
-- sent twice, or late, or in another order, ends as the same rows.

-- A trace as a search sees it. One without spans is no longer in this bucket.
CREATE TABLE traces
(
    bucket    DateTime('UTC') COMMENT 'the five minutes it began in' CODEC(Delta(4), ZSTD(1)),
    trace_id  FixedString(16) CODEC(ZSTD(1)),
    version   UInt64 CODEC(ZSTD(1)),
    start_ns  Int64 CODEC(Delta(8), ZSTD(1)),
    end_ns    Int64 CODEC(Delta(8), ZSTD(1)),
    spans     UInt32 CODEC(ZSTD(1)),
    flags     UInt8 COMMENT '1 fault, 2 error, 4 throttle',
    tenants   Array(LowCardinality(String)) CODEC(ZSTD(1)),
    nodes     Array(LowCardinality(String)) COMMENT 'names of its services, and of what they call' CODEC(ZSTD(1)),
    outline   String CODEC(ZSTD(1)),
    received  DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    INDEX by_tenant tenants TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, trace_id)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 1024;

-- A span in its place: whether it is a request, and the edges it stands for.
CREATE TABLE placed
(
    minute     DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    trace_id   FixedString(16) CODEC(ZSTD(1)),
    span_id    UInt64 CODEC(ZSTD(1)),
    version    UInt64 CODEC(ZSTD(1)),
    request    UInt8,
    account    LowCardinality(String),
    service    LowCardinality(String),
    operation  LowCardinality(String),
    kind       Enum8('INTERNAL' = 1, 'SERVER' = 2, 'CLIENT' = 3, 'PRODUCER' = 4, 'CONSUMER' = 5),
    tenant     LowCardinality(String),
    tier       LowCardinality(String),
    duration   UInt64 CODEC(ZSTD(1)),
    bin        UInt16 COMMENT 'of the duration: eight to a doubling' CODEC(ZSTD(1)),
    flags      UInt8,
    weight     Float64 CODEC(ZSTD(1)),
    estimated  UInt8,
    uses       Array(Tuple(
        source_kind LowCardinality(String), source_account LowCardinality(String), source_name LowCardinality(String),
        target_kind LowCardinality(String), target_account LowCardinality(String), target_name LowCardinality(String),
        duration UInt64, bin UInt16, flags UInt8, weight Float64, estimated UInt8)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(minute)
ORDER BY (minute, trace_id, span_id)
TTL minute + INTERVAL 36 DAY
SETTINGS ttl_only_drop_parts = 1;

-- Which version of a minute's sums is the one that counts.
CREATE TABLE minutes (minute DateTime('UTC'), version UInt64)
ENGINE = ReplacingMergeTree(version)
ORDER BY minute
TTL minute + INTERVAL 400 DAY;

-- Sums of edges: of each tenant, and of all together, whose tenant is ''.
CREATE TABLE edges
(
    tenant                LowCardinality(String),
    minute                DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    tier                  LowCardinality(String),
    source_kind           LowCardinality(String),
    source_account        LowCardinality(String),
    source_name           LowCardinality(String),
    target_kind           LowCardinality(String),
    target_account        LowCardinality(String),
    target_name           LowCardinality(String),
    version               UInt64 CODEC(ZSTD(1)),
    count                 UInt64 CODEC(ZSTD(1)),
    errors                UInt64 CODEC(ZSTD(1)),
    faults                UInt64 CODEC(ZSTD(1)),
    throttles             UInt64 CODEC(ZSTD(1)),
    weight                Float64 CODEC(ZSTD(1)),
    weighted_errors       Float64 CODEC(ZSTD(1)),
    weighted_faults       Float64 CODEC(ZSTD(1)),
    weighted_duration_ns  Float64 CODEC(ZSTD(1)),
    estimated             UInt64 CODEC(ZSTD(1)),
    bins                  Map(UInt16, Float64) CODEC(ZSTD(1))
)
-- Replaced are only rows of older versions, which nobody reads.
ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(minute)
ORDER BY (tenant, minute, tier, source_kind, source_account, source_name, target_kind, target_account, target_name)
TTL minute + INTERVAL 36 DAY
SETTINGS ttl_only_drop_parts = 1;

-- Sums of requests: of each tenant, '' being nobody, and of all together.
CREATE TABLE cells
(
    together              UInt8,
    tenant                LowCardinality(String),
    minute                DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    account               LowCardinality(String),
    service               LowCardinality(String),
    operation             LowCardinality(String),
    kind                  Enum8('INTERNAL' = 1, 'SERVER' = 2, 'CLIENT' = 3, 'PRODUCER' = 4, 'CONSUMER' = 5),
    tier                  LowCardinality(String),
    version               UInt64 CODEC(ZSTD(1)),
    requests              UInt64 CODEC(ZSTD(1)),
    failed                UInt64 CODEC(ZSTD(1)),
    duration_ns           UInt64 CODEC(ZSTD(1)),
    weight                Float64 CODEC(ZSTD(1)),
    weighted_failed       Float64 CODEC(ZSTD(1)),
    weighted_duration_ns  Float64 CODEC(ZSTD(1)),
    estimated             UInt64 CODEC(ZSTD(1)),
    bins                  Map(UInt16, Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (together, tenant, minute, account, service, operation, kind, tier)
-- Days whose cost can be told: a year, and the month under way.
TTL minute + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1;
