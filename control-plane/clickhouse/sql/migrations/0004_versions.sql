-- When versions of services were seen: the earliest spans of each on each day, as each server noted them.
CREATE TABLE IF NOT EXISTS versions
(
    service    LowCardinality(String),
    account    LowCardinality(String),
    attribute  LowCardinality(String),
    version    String,
    seen       DateTime('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (service, account, attribute, version, seen)
TTL seen + INTERVAL 37 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
