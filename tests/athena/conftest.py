"""The recorded lines at rest in a folder, and Athena's queries over them by DuckDB."""

import duckdb
import pytest
import sqlglot

import dialect
import rest

QUERIES = rest.ROOT / "infra/logs/queries"
# CloudWatch Logs' own names, which the SerDe finds whatever their case.
ENVELOPE = ("messageType", "owner", "logGroup", "logStream", "subscriptionFilters", "logEvents")


class Athena:
    """The table of infra/logs/template.yaml over a bucket that is a folder."""

    def __init__(self, bucket):
        self.bucket = bucket
        self.engine = duckdb.connect()
        self.engine.execute(dialect.MACROS)
        table = rest.RESOURCES["Batches"]["TableInput"]
        columns = {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}
        types = {name: sqlglot.exp.DataType.build(columns[name.lower()], dialect="hive").sql("duckdb") for name in ENVELOPE}
        assert columns.keys() == {name.lower() for name in ENVELOPE}
        read = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        parts = ", ".join(f"'{each['Name']}': 'VARCHAR'" for each in table["PartitionKeys"])
        self.engine.execute(
            f"CREATE VIEW batches AS SELECT * EXCLUDE (filename), filename AS \"$path\" FROM read_json('{bucket}/logs/**/*.gz', columns = {{{read}}}, "
            f"format = 'newline_delimited', filename = true, hive_partitioning = true, hive_types = {{{parts}}})"
        )

    def ask(self, name, *parameters, days=None):
        """Rows of a named query, each by its columns' names."""
        first, last = days or ("2000-01-01", "2999-12-31")
        answer = self.engine.execute(dialect.to_duckdb((QUERIES / f"{name}.sql").read_text()), [first, last, *parameters])
        return [dict(zip([column[0] for column in answer.description], row)) for row in answer.fetchall()]


@pytest.fixture(scope="session")
def athena(tmp_path_factory):
    """Everything that was recorded, come to rest."""
    bucket = tmp_path_factory.mktemp("bucket")
    rest.deliver(rest.records(rest.lines()), bucket)
    return Athena(bucket)
