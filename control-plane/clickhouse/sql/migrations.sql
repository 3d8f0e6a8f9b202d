CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied DateTime('UTC') DEFAULT now())
ENGINE = ReplacingMergeTree
ORDER BY number
