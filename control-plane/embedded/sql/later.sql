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

-- Which spans refer to a trace by links, nanoseconds since 1970: those of a trace lie together, in the order of time.
CREATE TABLE IF NOT EXISTS links (
    linked BLOB NOT NULL, start_ns INTEGER NOT NULL, trace INTEGER NOT NULL, span_id INTEGER NOT NULL,
    service INTEGER NOT NULL, tenant INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (linked, start_ns, trace, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_trace ON links (trace);
