-- What one leader makes of the traces that changed, from all their spans. Everything has a version, and nothing is ever added to: what is
-- sent twice, or late, or in another order, ends as the same rows.

-- A trace as a search sees it. One without spans is no longer in this bucket.
CREATE TABLE IF NOT EXISTS traces
(
    bucket              DateTime('UTC') COMMENT 'the five minutes it began in' CODEC(Delta(4), ZSTD(1)),
    trace_id            FixedString(16) CODEC(ZSTD(1)),
    version             UInt64 CODEC(ZSTD(1)),
    start_ns            Int64 CODEC(Delta(8), ZSTD(1)),
    end_ns              Int64 CODEC(Delta(8), ZSTD(1)),
    bin                 UInt16 COMMENT 'of the duration: eight to a doubling' CODEC(ZSTD(1)),
    spans               UInt32 CODEC(ZSTD(1)),
    flags               UInt8 COMMENT '1 fault, 2 error, 4 throttle',
    partial             UInt8 COMMENT 'a parent has not come',
    root                LowCardinality(String),
    root_service        LowCardinality(String),
    response_ns         UInt64 CODEC(ZSTD(1)),
    shape               FixedString(16) CODEC(ZSTD(1)),
    -- No LowCardinality in lists: it would take twice as long to read.
    tenants             Array(String) CODEC(ZSTD(1)),
    urls                Array(String) CODEC(ZSTD(1)),
    users               Array(String) CODEC(ZSTD(1)),
    annotation_names    Array(String) COMMENT 'as X-Ray writes them' CODEC(ZSTD(1)),
    annotation_values   Array(String) CODEC(ZSTD(1)),
    annotation_numbers  Array(Nullable(Float64)) COMMENT 'the values that are numbers' CODEC(ZSTD(1)),
    service_accounts    Array(String) CODEC(ZSTD(1)),
    service_names       Array(String) CODEC(ZSTD(1)),
    service_flags       Array(UInt8) CODEC(ZSTD(1)),
    service_statuses    Array(Array(UInt16)) CODEC(ZSTD(1)),
    service_longest_ns  Array(UInt64) CODEC(ZSTD(1)),
    received            DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    -- What is asked for word by word, hashed: one list is read quickly, where strings are not. LZ4, for the same reason.
    words               Array(UInt64) DEFAULT arrayConcat(
        arrayMap((name, value) -> sipHash64('annotation', name, value), annotation_names, annotation_values),
        arrayMap(url -> sipHash64('url', url), urls),
        arrayMap(user -> sipHash64('user', user), users),
        arrayMap(tenant -> sipHash64('tenant', tenant), tenants)) CODEC(LZ4),
    INDEX by_word words TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, trace_id)
TTL received + INTERVAL 7 DAY
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

-- What many traces have in common, by a hash of all of it: a search asks for each once. A row is written again whenever it is used.
CREATE TABLE IF NOT EXISTS shapes
(
    shape             FixedString(16),
    statuses          Array(UInt16),
    methods           Array(String),
    service_accounts  Array(String),
    service_names     Array(String),
    service_flags     Array(UInt8),
    service_statuses  Array(Array(UInt16)),
    source_kinds      Array(String),
    source_accounts   Array(String),
    source_names      Array(String),
    target_kinds      Array(String),
    target_accounts   Array(String),
    target_names      Array(String),
    edge_flags        Array(UInt8),
    used              DateTime('UTC')
)
ENGINE = ReplacingMergeTree(used)
ORDER BY shape
TTL used + INTERVAL 9 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The outline of a trace as the leader writes it, its lists in one order always.
CREATE TABLE IF NOT EXISTS outlines
(
    bucket        DateTime('UTC'),
    trace_id      FixedString(16),
    version       UInt64,
    start_ns      Int64,
    end_ns        Int64,
    bin           UInt16,
    spans         UInt32,
    flags         UInt8,
    partial       UInt8,
    root          String,
    root_service  String,
    response_ns   UInt64,
    tenants       Array(String),
    statuses      Array(UInt16),
    methods       Array(String),
    urls          Array(String),
    users         Array(String),
    annotations   Array(Tuple(name String, value String, number Nullable(Float64))),
    services      Array(Tuple(account String, name String, flags UInt8, statuses Array(UInt16), longest_ns UInt64)),
    edges         Array(Tuple(
        source_kind String, source_account String, source_name String,
        target_kind String, target_account String, target_name String, flags UInt8)),
    received      DateTime('UTC'),
    shape         FixedString(16) DEFAULT sipHash128(
        statuses, methods, services.account, services.name, services.flags, services.statuses,
        edges.source_kind, edges.source_account, edges.source_name, edges.target_kind, edges.target_account, edges.target_name, edges.flags)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS shapes_view TO shapes AS
SELECT DISTINCT
    shape, statuses, methods,
    services.account AS service_accounts, services.name AS service_names, services.flags AS service_flags, services.statuses AS service_statuses,
    edges.source_kind AS source_kinds, edges.source_account AS source_accounts, edges.source_name AS source_names,
    edges.target_kind AS target_kinds, edges.target_account AS target_accounts, edges.target_name AS target_names, edges.flags AS edge_flags,
    now() AS used
FROM outlines;

CREATE MATERIALIZED VIEW IF NOT EXISTS traces_view TO traces AS
SELECT
    bucket, trace_id, version, start_ns, end_ns, bin, spans, flags, partial, root, root_service, response_ns, shape, tenants, urls, users,
    annotations.name AS annotation_names, annotations.value AS annotation_values, annotations.number AS annotation_numbers,
    services.account AS service_accounts, services.name AS service_names, services.flags AS service_flags, services.statuses AS service_statuses,
    services.longest_ns AS service_longest_ns, received
FROM outlines;

-- A span in its place: whether it is a request, and the edges it stands for.
CREATE TABLE IF NOT EXISTS placed
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
TTL minute + INTERVAL 37 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Which rows of `edges` and `cells` count: of a minute, an hour or a day those of this version, `made`; none, where that is 0, as it is of
-- an hour and a day since one of their minutes changed. Rows of one change are inserted together.
CREATE TABLE IF NOT EXISTS sums (width UInt32, start DateTime('UTC'), version UInt64, made UInt64)
ENGINE = ReplacingMergeTree(version)
ORDER BY (width, start)
TTL start + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The version of what is made now: by the database's clock, and above all before.
CREATE VIEW IF NOT EXISTS next AS
SELECT greatest(toUInt64(toUnixTimestamp64Nano(now64(9))), max(greatest(version, made)) + 1) AS version FROM sums;

-- What a window is counted by: days that end by `days_to`, hours that end by `hours_to`, and the minutes of all others.
CREATE VIEW IF NOT EXISTS counted AS
SELECT width, start, newest AS version
FROM
(
    SELECT
        width, start, argMax(made, version) AS newest,
        max(width) OVER (PARTITION BY toStartOfDay(start)) AS of_day,
        max(width) OVER (PARTITION BY toStartOfHour(start)) AS of_hour
    FROM sums
    WHERE start >= toDateTime({from:UInt32}, 'UTC') AND start < toDateTime({to:UInt32}, 'UTC')
        AND toUnixTimestamp(start) + width <= multiIf(width = 60, 4294967295, width = 3600, {hours_to:UInt32}, {days_to:UInt32})
    GROUP BY width, start
    HAVING newest > 0
)
WHERE width = if(of_day = 86400, of_day, of_hour);

-- Sums of edges by the minute and the hour: of each tenant, and of all together, whose tenant is ''.
CREATE TABLE IF NOT EXISTS edges
(
    tenant                LowCardinality(String),
    width                 UInt32 CODEC(ZSTD(1)),
    start                 DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
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
-- A row is replaced by the next but one, so that what counts stays until its successor does.
ENGINE = ReplacingMergeTree(version)
PARTITION BY (width, toDate(start))
ORDER BY (tenant, width, start, tier, source_kind, source_account, source_name, target_kind, target_account, target_name, version % 2)
TTL start + INTERVAL 37 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS names_of_edges_view TO names AS
SELECT DISTINCT named.1 AS what, toDateTime(0, 'UTC') AS hour, named.2 AS name
FROM edges
ARRAY JOIN [('tier', toString(tier)), ('service', if(target_kind = 'service', toString(target_name), ''))] AS named
WHERE tenant = '' AND name != '';

-- Sums of requests by the minute, the hour and the day: of each tenant, '' being nobody, and of all together.
CREATE TABLE IF NOT EXISTS cells
(
    together              UInt8,
    tenant                LowCardinality(String),
    width                 UInt32 CODEC(ZSTD(1)),
    start                 DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
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
PARTITION BY (width, if(width = 86400, toStartOfMonth(start), toDate(start)))
ORDER BY (together, tenant, width, start, account, service, operation, kind, tier, version % 2)
-- Days whose cost can be told: a year, and the month under way.
TTL start + toIntervalDay(if(width = 86400, 400, 37))
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
