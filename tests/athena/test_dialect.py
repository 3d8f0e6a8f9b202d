"""The queries are Athena's, and of what DuckDB is known to answer alike: what would be changed without a word is refused."""

import datetime
import re

import duckdb
import pytest
import sqlglot

import dialect
import rest
from conftest import QUERIES

FILES = sorted(QUERIES.glob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_query_is_athenas_and_means_the_same_here(path):
    dialect.to_duckdb(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_says_what_its_parameters_are(path):
    text = path.read_text()
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert "?" not in text.replace(code, ""), "a comment with a question mark could be taken for a parameter"
    said = re.search(r"^-- Parameters: first and last day \('[0-9-]+'\)(.*)\.$", text, re.MULTILINE)[1]
    assert code.count("?") == 2 + bool(said) and "WHERE day BETWEEN ? AND ?" in code, "without days a query would read all that is kept"


@pytest.mark.parametrize(("query", "why"), [
    ("SELECT count(*) / 2 FROM batches", "division"),
    ("SELECT approx_percentile(1, 0.99) FROM batches", "nobody compared"),
    ("SELECT array_agg(owner) FROM batches", "nobody compared"),
    ("SELECT date_diff('day', current_date, current_date) FROM batches", "nobody compared"),
    ("SELECT TRY_CAST(owner AS INTEGER) FROM batches", "nobody compared"),
    ("SELECT CAST(owner AS DATE) FROM batches", "nobody compared"),
    ("SELECT owner FROM batches WHERE owner = 5", "together"),
    ("SELECT owner FROM batches WHERE json_extract_scalar(owner, '$.a') >= 500", "together"),
    ("SELECT message FROM batches CROSS JOIN UNNEST(logevents) AS e (id, at, message) WHERE at = 'x'", "together"),
    ("SELECT json_extract_scalar(owner, '$.a.b') FROM batches", "no path"),
    ("SELECT json_extract_scalar(owner, '$.a[0]') FROM batches", "no path"),
    ("SELECT owner FROM batches CROSS JOIN UNNEST(subscriptionfilters) AS f (filter)", "other columns"),
    ("SELECT message FROM batches CROSS JOIN UNNEST(logevents) AS e (line)", "other columns"),
    ("SELECT a.owner FROM batches a FULL JOIN batches b ON a.owner = b.owner", "join"),
    ("SELECT owner AS first FROM batches", "Athena's own"),
    ("SELECT DISTINCT ON (owner) owner FROM batches", None),
    ("SELECT owner FROM batches QUALIFY row_number() OVER (ORDER BY owner) = 1", None),
    ("SELECT owner FROM batches LIMIT 5", "nobody compared"),
    ("SELECT owner FROM", None),
    ("DELETE FROM batches", "nobody compared"),
])  # fmt: skip
def test_what_would_mean_something_else_is_refused(query, why):
    with pytest.raises(dialect.Refused, match=why):
        dialect.to_duckdb(query)


@pytest.fixture(scope="module")
def engine():
    engine = duckdb.connect()
    engine.execute(dialect.MACROS)
    return engine


# https://trino.io/docs/current/functions/json.html, and what its code answers of text that is no JSON (JsonExtract.extract: null).
@pytest.mark.parametrize(("json", "path", "answer"), [
    ('{"a":"b"}', '$["a"]', "b"),
    ('{"a":291.979314}', '$["a"]', "291.979314"),
    ('{"a":404}', '$["a"]', "404"),
    ('{"a":true}', '$["a"]', "true"),
    ('{"http.route":"/bookings"}', '$["http.route"]', "/bookings"),
    ('{"http":{"route":"/bookings"}}', '$["http.route"]', None),
    ('{"a":null}', '$["a"]', None),
    ('{"a":{"b":1}}', '$["a"]', None),
    ('{"a":[1]}', '$["a"]', None),
    ('{"b":1}', '$["a"]', None),
    ("START RequestId: 1", '$["a"]', None),
    ('{"a":', '$["a"]', None),
    ("", '$["a"]', None),
])  # fmt: skip
def test_a_field_of_a_line_is_what_athena_says(engine, json, path, answer):
    assert engine.execute("SELECT trino_json_extract_scalar(?, ?)", [json, path]).fetchall() == [(answer,)]


def test_a_time_is_that_of_utc(engine):
    # 2026-11-27 01:34:19.242 in UTC.
    expected = datetime.datetime(2026, 11, 27, 1, 34, 19, 242000)
    assert engine.execute("SELECT trino_from_unixtime(1795743259242 / 1e3)").fetchall() == [(expected,)]


def test_types_are_compared_by_the_columns_that_the_table_has():
    table = rest.RESOURCES["Batches"]["TableInput"]
    columns = {each["Name"]: sqlglot.exp.DataType.build(each["Type"], dialect="hive") for each in [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]}
    known = {name: sqlglot.exp.DataType.build(kind, dialect="trino") for name, kind in dialect.SCHEMA["batches"].items() if name != "$path"}
    assert {name: kind.sql("trino") for name, kind in columns.items()} == {name: kind.sql("trino") for name, kind in known.items()}


# What the queries read of a line, and where it is written: a field that is renamed there is found by no query.
WRITTEN = {
    "shared/tenant-telemetry/src": (
        "level", "trace_id", "xray_trace_id", "duration_ms", "http.request.method", "http.response.status_code", "http.route", "tenant.alias", "tenant.id",
        "enduser.id", "enduser.pseudo.id",
        "faas.invocation_id", "problem.code",
    ),
    "infra/booking": ("address", "invocation_id", "xray_trace_id", "method", "route", "status", "integration_status", "error"),
    "infra/mileage": ("address", "invocation_id", "xray_trace_id", "method", "route", "status", "integration_status", "error"),
}  # fmt: skip
# tracing's own name of what a line says, and what the line of a request says.
MESSAGE, REQUEST = {"message"}, "request served"


def test_every_field_that_a_query_reads_is_written():
    read = {field for path in FILES for field in re.findall(r"""'\$(?:\.|\[")([^'"\]]+)(?:"\])?'""", path.read_text())}
    for folder, fields in WRITTEN.items():
        text = "".join(path.read_text() for path in sorted((rest.ROOT / folder).rglob("*")) if path.suffix in (".rs", ".yaml"))
        for field in fields:
            # By itself, or as the constant that semantic conventions have of it.
            written = rf'["%\s(]{re.escape(field)}["\s,:]|\b{field.upper().replace(".", "_")}\b'
            assert re.search(written, text), f"{folder} writes no {field}"
    assert f'"{REQUEST}"' in (rest.ROOT / "shared/tenant-telemetry/src/layers/http.rs").read_text()
    assert read - MESSAGE == {field for fields in WRITTEN.values() for field in fields}
