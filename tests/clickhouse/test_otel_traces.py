"""What comes by `otel_traces` comes through whatever it holds, however much there is of it, and whenever it was."""

import time
import urllib.error

import pytest

from conftest import PATIENCE, ClickHouse

# More inserts than the leader reads at a time.
INSERTS = 25


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory):
    """Nothing in it."""
    clickhouse = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    yield clickhouse
    clickhouse.stop()


def insert(clickhouse, number, name="'GET /bookings'"):
    """A span that is nobody's request; the id of its trace."""
    trace_id = f"{0xabc000 + number:032x}"
    clickhouse.post(f"""
        INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration, StatusCode)
        SELECT now64(9), '{trace_id}', '{1:016x}', {name}, 'Internal', 'booking', map('service.name', 'booking'), map('note', {name}), 5, 'Unset'""",
        database=clickhouse.otel)
    return trace_id


def trace(clickhouse, trace_id):
    """It, once it is there."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        try:
            return clickhouse.get(f"/api/traces/{trace_id}")
        except urllib.error.HTTPError as absent:
            assert absent.code == 404
            time.sleep(0.2)
    raise AssertionError(f"{trace_id} has not come")


def test_a_text_that_was_cut_amid_a_letter_holds_up_nothing(clickhouse):
    cut = trace(clickhouse, insert(clickhouse, 0, "concat('caf', unhex('c3'))"))
    assert cut["spans"][0]["name"] == cut["spans"][0]["attributes"]["note"] == "caf\N{REPLACEMENT CHARACTER}"


def test_all_inserts_are_read(clickhouse):
    traces = [insert(clickhouse, number) for number in range(1, INSERTS + 1)]
    assert all(len(trace(clickhouse, trace_id)["spans"]) == 1 for trace_id in traces)


def test_a_clock_that_was_set_back_leaves_nothing_out(clickhouse):
    clickhouse.post("INSERT INTO otel_spans_done VALUES (now64(3) + INTERVAL 1 HOUR, 0)")
    assert trace(clickhouse, insert(clickhouse, 100))
