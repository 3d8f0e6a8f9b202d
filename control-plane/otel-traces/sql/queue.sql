-- Rows of the exporter's table that are still to be read. A block is the rows of one insert; its number stays with them when parts are
-- merged. Whoever reads may be away for two days.
CREATE TABLE IF NOT EXISTS otel_spans
(
    at              DateTime64(3, 'UTC') DEFAULT now64(3),
    trace_id        String,
    span_id         String,
    parent_id       String,
    trace_state     String,
    name            String,
    kind            LowCardinality(String),
    start_ns        Int64,
    duration        UInt64,
    status          LowCardinality(String),
    status_message  String,
    resource        String COMMENT 'JSON',
    scope_name      String,
    scope_version   String,
    attributes      String COMMENT 'JSON',
    events          Array(Tuple(time_ns Int64, name String, attributes String)),
    links           Array(Tuple(trace_id String, span_id String, trace_state String, attributes String))
)
ENGINE = MergeTree
PARTITION BY toDate(at)
ORDER BY at
TTL toDateTime(at) + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1, enable_block_number_column = 1;

-- Blocks that have been read.
CREATE TABLE IF NOT EXISTS otel_spans_done (at DateTime64(3, 'UTC'), block UInt64)
ENGINE = MergeTree
ORDER BY (at, block)
TTL toDateTime(at) + INTERVAL 4 DAY;
