-- What is said again and again, by number.
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE nodes (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, account, name));
CREATE TABLE resources (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, service INTEGER NOT NULL, operation INTEGER NOT NULL, kind INTEGER NOT NULL, tier INTEGER NOT NULL,
    UNIQUE (service, operation, kind, tier)
);
CREATE TABLE edges (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, target INTEGER NOT NULL, tier INTEGER NOT NULL,
    UNIQUE (source, target, tier)
);

-- A row per trace, with what a search looks at. The random part of writing is one index, from trace id to row.
CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL,
    received INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    outline BLOB NOT NULL
);
CREATE UNIQUE INDEX traces_by_trace_id ON traces (trace_id);
CREATE INDEX traces_by_start ON traces (start_ns, end_ns, flags);
-- Which tenants' traces began in an hour stands together, for the same reason.
CREATE TABLE trace_tenants (
    hour INTEGER NOT NULL, tenant INTEGER NOT NULL, start_ns INTEGER NOT NULL, trace INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, start_ns, trace)
) WITHOUT ROWID;
-- What one request brought of one trace, in order of arrival, so that writing is appending.
CREATE TABLE fragments (id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX fragments_by_trace ON fragments (trace);

CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE states (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE alerts (id TEXT PRIMARY KEY, tenant TEXT, opened INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX alerts_by_time ON alerts (opened);
