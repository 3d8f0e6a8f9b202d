-- What several servers must know of each other.

-- Whose requests were summed, '' being nobody, and the earliest of them, Unix seconds: who evaluated that time already reads it again.
CREATE TABLE IF NOT EXISTS late (version UInt64, tenant String, earliest Int64, at DateTime('UTC') DEFAULT now())
ENGINE = MergeTree
ORDER BY version
TTL at + INTERVAL 1 DAY;

-- Where the states are that go with these spans: one row.
CREATE TABLE IF NOT EXISTS keeper (states String, at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree
ORDER BY at;
