-- Sums by bucket, tenant and series: the rows of now lie side by side, whoever they are of. Tenant 0 is all tenants of a tier together;
-- sums by the day, from which it is read what tenants cost, have none.
CREATE TABLE $table (
    bucket INTEGER NOT NULL, tenant INTEGER NOT NULL, series INTEGER NOT NULL,
    count INTEGER NOT NULL, errors INTEGER NOT NULL, faults INTEGER NOT NULL, throttles INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL, weight REAL NOT NULL, weighted_errors REAL NOT NULL, weighted_faults REAL NOT NULL,
    weighted_duration_ns REAL NOT NULL, estimated INTEGER NOT NULL, histogram BLOB NOT NULL,
    PRIMARY KEY (bucket, tenant, series)
) WITHOUT ROWID;
