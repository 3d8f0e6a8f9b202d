"""ClickHouse in this process, with the tables and the view of infra/clickhouse, and spans in them."""

import json
from pathlib import Path

import pytest
from chdb.session import Session

import spans

SQL = Path(__file__).parents[2] / "infra" / "clickhouse"
TABLES = ["otel_traces", "request_cells", "request_cells_view"]


class ClickHouse:
    """A database, and the questions by name."""

    def __init__(self, session, database):
        self.session, self.database = session, database
        self.session.query(f"CREATE DATABASE {database} ENGINE = Atomic; USE {database};")
        for name in TABLES:
            # What is dropped for its age is no business of these tests, whose spans grow old.
            self.session.query(without_ttl((SQL / f"{name}.sql").read_text()))

    def insert(self, rows):
        """As the exporter inserts a batch."""
        lines = "\n".join(map(json.dumps, rows))
        self.session.query(f"USE {self.database}")
        self.session.query(f"INSERT INTO otel_traces FORMAT JSONEachRow\n{lines}")

    def rows(self, sql, **parameters):
        """Rows of a query as dictionaries."""
        self.session.query(f"USE {self.database}")
        text = str(self.session.query(sql, "JSONEachRow", params=parameters))
        return [json.loads(line) for line in text.splitlines()]

    def ask(self, name, **parameters):
        """Rows of one of the files; numbers of 64 bits as numbers, times as ClickHouse reads them."""
        given = {key: f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "hour") else value for key, value in parameters.items()}
        sql = (SQL / f"{name}.sql").read_text().rstrip().rstrip(";")
        return self.rows(f"{sql} SETTINGS output_format_json_quote_64bit_integers = 0", **given)


def without_ttl(sql):
    lines = [line for line in sql.splitlines() if not line.startswith("TTL ")]
    # The line before ended without its semicolon.
    return "\n".join(lines).rstrip().rstrip(";") + ";"


@pytest.fixture(scope="session")
def all_spans():
    """Every span there is."""
    return spans.generate()


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """The engine; there is one in a process."""
    session = Session(str(tmp_path_factory.mktemp("clickhouse")))
    yield session
    session.close()


@pytest.fixture(scope="session")
def clickhouse(engine, all_spans):
    """A database with all spans, inserted in batches."""
    database = ClickHouse(engine, "otel")
    rows = [span.row for span in all_spans]
    for first in range(0, len(rows), 10_000):
        database.insert(rows[first:first + 10_000])
    return database
