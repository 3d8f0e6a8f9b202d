-- What is kept until its time is over.
CREATE TABLE IF NOT EXISTS entries (name TEXT PRIMARY KEY, body TEXT NOT NULL, until INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS entries_by_end ON entries (until);

-- When versions of services were seen: the earliest spans of each on each day, Unix seconds.
CREATE TABLE IF NOT EXISTS versions (
    service TEXT NOT NULL, account TEXT NOT NULL, attribute TEXT NOT NULL, version TEXT NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (service, account, attribute, version, seen)
) WITHOUT ROWID;

-- What is kept for good: retention knows nothing of it, and nothing changes a row.
CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, previous TEXT NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- REPLACE removes a row without a word to the trigger below. What adds a record is told that its number is taken.
CREATE TRIGGER IF NOT EXISTS audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER IF NOT EXISTS audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- What operators investigate, in the order of time: until they erase it.
CREATE TABLE IF NOT EXISTS investigations (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL);

-- Which spans refer to a trace by links, nanoseconds since 1970: those of a trace lie together, in the order of time.
CREATE TABLE IF NOT EXISTS links (
    linked BLOB NOT NULL, start_ns INTEGER NOT NULL, trace INTEGER NOT NULL, span_id INTEGER NOT NULL,
    service INTEGER NOT NULL, tenant INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (linked, start_ns, trace, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_trace ON links (trace);

-- Requests that were refused once somebody had been verified, in the order of time, nanoseconds since 1970.
CREATE TABLE IF NOT EXISTS refusals (
    start_ns INTEGER NOT NULL, trace_id BLOB NOT NULL, span_id INTEGER NOT NULL, tenant INTEGER NOT NULL, service INTEGER NOT NULL,
    operation INTEGER NOT NULL, status INTEGER NOT NULL, user TEXT, reason TEXT NOT NULL,
    PRIMARY KEY (start_ns, trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refusals_by_trace ON refusals (trace_id);
CREATE INDEX IF NOT EXISTS refusals_by_tenant ON refusals (tenant, start_ns, status, reason);
-- When the latest of those began that were removed.
CREATE TABLE IF NOT EXISTS refusals_removed (one INTEGER PRIMARY KEY CHECK (one = 1), start_ns INTEGER NOT NULL);

-- Points of metrics: which there were, for as long as they may come again, in the order of their times, so that writing is appending.
CREATE TABLE IF NOT EXISTS metric_points (time_ns INTEGER NOT NULL, stream INTEGER NOT NULL, PRIMARY KEY (time_ns, stream)) WITHOUT ROWID;
-- What senders counted since they began, by hours since 1970: the points before and behind one are found at once.
CREATE TABLE IF NOT EXISTS metric_counts (
    hour INTEGER NOT NULL, stream INTEGER NOT NULL, time_ns INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (hour, stream, time_ns)
) WITHOUT ROWID;
-- About how many bytes both have of an hour since 1970.
CREATE TABLE IF NOT EXISTS metric_remembered (hour INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);
-- What is summed: a row for each series and the bounds of its buckets. `seen` is the last day that it was, since 1970.
CREATE TABLE IF NOT EXISTS metric_series (
    number INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, seen INTEGER NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL, kind INTEGER NOT NULL,
    service TEXT NOT NULL, account TEXT, tenant TEXT, attributes TEXT NOT NULL, bounds BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_series_by_day ON metric_series (seen);
CREATE INDEX IF NOT EXISTS metric_series_by_service ON metric_series (service, tenant);
-- Sums by the minute, Unix seconds: those of one hour and series lie together.
CREATE TABLE IF NOT EXISTS metric_minutes (
    hour INTEGER NOT NULL, series INTEGER NOT NULL, minute INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (hour, series, minute)
) WITHOUT ROWID;

-- Log records in the order in which they came; those of a trace are found by its id, in the order of time, and those of one of its spans
-- without a look at the others. `span_id` is 0 where a record names none.
CREATE TABLE IF NOT EXISTS log_records (
    number INTEGER PRIMARY KEY, received INTEGER NOT NULL, trace BLOB NOT NULL, time_ns INTEGER NOT NULL, id INTEGER NOT NULL,
    span_id INTEGER NOT NULL, tenant TEXT, sender INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS log_records_by_trace ON log_records (trace, time_ns, id, span_id);
