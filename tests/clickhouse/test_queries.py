"""Every question of infra/clickhouse against the same answer computed from the spans themselves: counts, budgets and costs equal,
quantiles within 5 %."""

import math
from collections import defaultdict
from datetime import timedelta

import pytest

import spans
from conftest import SQL, TABLES
from spans import AT, TENANTS, latency_bin, requests

HOUR = timedelta(hours=1)
WINDOWS = [(AT - timedelta(minutes=5), AT), (AT - HOUR, AT), (AT - timedelta(days=7), AT - HOUR)]
ALLOWED = {"basic": 0.005, "standard": 0.001, "premium": 0.0005}


def nearest_rank(sample, quantile):
    """The duration that the share of weighted requests does not exceed."""
    total, seen = sum(span.weight for span in sample), 0
    for span in sorted(sample, key=lambda span: span.duration_ns):
        seen += span.weight
        if seen >= quantile * total:
            return span.duration_ns
    raise AssertionError("no requests")


def error_rate(sample):
    """Share of the requests these stand for; none of none."""
    return sum(span.weight for span in sample if span.failed) / sum(span.weight for span in sample) if sample else None


def test_the_view_keeps_the_rows_of_the_evaluator(clickhouse, all_spans):
    expected = defaultdict(lambda: [0, 0, 0, 0.0, 0.0, 0.0, 0])
    for span in all_spans:
        if span.kind:
            key = (span.start_ns // spans.SECONDS // 300 * 300, span.account, span.service, span.operation, span.kind,
                   span.tenant, span.tier, latency_bin(span.duration_ns))
            weights = (span.weight, span.weight * span.failed, span.weight * span.duration_ns)
            values = (1, span.failed, span.duration_ns, *weights, span.estimated)
            expected[key] = [total + value for total, value in zip(expected[key], values)]
    found = clickhouse.rows("""
        SELECT toUnixTimestamp(bucket) AS start, account, service, operation, kind, tenant, tier, bin, sum(requests) AS n,
            sum(failed) AS f, sum(duration_ns) AS d, sum(weight) AS w, sum(weighted_failed) AS wf,
            sum(weighted_duration_ns) AS wd, sum(estimated) AS e
        FROM request_cells GROUP BY ALL SETTINGS output_format_json_quote_64bit_integers = 0""")
    rows = [list(row.values()) for row in found]
    assert {tuple(row[:8]): row[8:] for row in rows} == dict(expected)
    assert len(rows) == len(expected) > 10_000


def test_bins_are_exact_up_to_a_quarter_of_an_hour(clickhouse):
    edges = [math.ceil(2 ** (number / 8)) for number in range(318)]
    durations = sorted({max(edge + step, 0) for edge in edges for step in (-2, -1, 0, 1)})
    found = clickhouse.rows(
        f"SELECT arrayJoin({durations}) AS d, toUInt16(floor(log2(greatest(d, 1)) * 8)) AS b "
        "SETTINGS output_format_json_quote_64bit_integers = 0")
    assert [(row["d"], row["b"]) for row in found] == [(duration, latency_bin(duration)) for duration in durations]
    assert "floor(log2(greatest(took, 1)) * 8)" in (SQL / "request_cells_view.sql").read_text()


@pytest.mark.parametrize("start, end", WINDOWS)
def test_error_rates(clickhouse, all_spans, start, end):
    found = clickhouse.ask("error_rate", **{"from": start, "to": end})
    assert {row["tenant"] for row in found} == set(TENANTS) - {""}
    assert [row["error_rate"] for row in found] == sorted((row["error_rate"] for row in found), reverse=True)
    for row in found:
        sample = requests(all_spans, start, end, tenant=row["tenant"])
        assert (row["seen"], row["seen_failed"]) == (len(sample), sum(span.failed for span in sample))
        assert row["error_rate"] == error_rate(sample)
        assert row["latest_tier"] == TENANTS[row["tenant"]]


@pytest.mark.parametrize("start, end", WINDOWS)
@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_quantiles(clickhouse, all_spans, start, end, quantile):
    found = clickhouse.ask("p99", **{"from": start, "to": end}, quantile=quantile)
    assert {row["tenant"] for row in found} == set(TENANTS) - {""}
    for row in found:
        exact = nearest_rank(requests(all_spans, start, end, tenant=row["tenant"]), quantile) / 1e6
        assert row["quantile_ms"] == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("tier", ALLOWED)
def test_budgets(clickhouse, all_spans, tier):
    found = clickhouse.ask("budget", at=AT, tier=tier, allowed=ALLOWED[tier])
    assert {row["tenant"] for row in found} == {tenant for tenant, of in TENANTS.items() if of == tier}
    begin = (AT - timedelta(days=30)).replace(minute=0)
    for row in found:
        sample = requests(all_spans, begin, AT, tenant=row["tenant"])
        weight, consumed = sum(span.weight for span in sample), sum(span.weight for span in sample if span.failed)
        assert (row["seen"], row["seen_failed"]) == (len(sample), sum(span.failed for span in sample))
        allowed = weight * ALLOWED[tier]
        assert (row["may_fail"], row["consumed"]) == (allowed, consumed)
        assert (row["remaining"], row["burnt"]) == (allowed - consumed, consumed / allowed)


@pytest.mark.parametrize("tier", ALLOWED)
def test_burn_rates(clickhouse, all_spans, tier):
    found = clickhouse.ask("burn_rates", at=AT, tier=tier, allowed=ALLOWED[tier])
    assert {row["tenant"] for row in found} == {tenant for tenant, of in TENANTS.items() if of == tier}
    for row in found:
        for name, minutes in [("burn_5m", 5), ("burn_30m", 30), ("burn_1h", 60), ("burn_6h", 360)]:
            sample = requests(all_spans, AT - timedelta(minutes=minutes), AT, tenant=row["tenant"])
            assert row[name] == error_rate(sample) / ALLOWED[tier], name
        assert (row["seen_6h"], row["seen_failed_6h"]) == (len(sample), sum(span.failed for span in sample))


def test_a_window_without_requests_has_no_burn_rate(clickhouse):
    found = clickhouse.ask("burn_rates", at=AT + timedelta(minutes=30), tier="basic", allowed=0.005)
    assert found and all(row["burn_5m"] is None and row["burn_1h"] is not None for row in found)


@pytest.mark.parametrize("start, end", WINDOWS)
def test_cost_shares(clickhouse, all_spans, start, end):
    everything = requests(all_spans, start, end)
    of_line = defaultdict(list)
    for span in everything:
        of_line[span.tenant, span.tier, span.service].append(span)
    weight = sum(span.weight for span in everything)
    time = sum(span.weight * span.duration_ns for span in everything)
    found = clickhouse.ask("cost_shares", **{"from": start, "to": end})
    assert {(row["tenant"], row["tier"], row["service"]) for row in found} == set(of_line)
    for row in found:
        sample = of_line[row["tenant"], row["tier"], row["service"]]
        of_sample = sum(span.weight * span.duration_ns for span in sample)
        assert (row["all_requests"], row["seconds"]) == (sum(span.weight for span in sample), of_sample / 1e9)
        assert row["requests_share"] == row["all_requests"] / weight
        # Seconds are quotients: their sum is rounded.
        assert row["seconds_share"] == pytest.approx(of_sample / time, rel=1e-12)
        assert row["is_estimated"] == any(span.estimated for span in sample)
    assert sum(row["all_requests"] for row in found) == weight
    assert sum(row["requests_share"] for row in found) == pytest.approx(1, abs=1e-12)


def test_merged_parts_give_the_same_answers(clickhouse):
    before = clickhouse.ask("cost_shares", **{"from": AT - HOUR, "to": AT})
    clickhouse.session.query("OPTIMIZE TABLE request_cells FINAL")
    assert clickhouse.ask("cost_shares", **{"from": AT - HOUR, "to": AT}) == before


def test_tables_are_made_as_they_are_written(clickhouse):
    clickhouse.session.query("CREATE DATABASE whole ENGINE = Atomic; USE whole;")
    try:
        for name in [*TABLES, *TABLES]:
            clickhouse.session.query((SQL / f"{name}.sql").read_text())
        assert [row["name"] for row in clickhouse.rows("SHOW TABLES")] == sorted(TABLES)
    finally:
        clickhouse.session.query("USE otel")


def test_every_file_is_asked():
    asked = {"error_rate", "p99", "budget", "burn_rates", "cost_shares"}
    assert {path.stem for path in SQL.glob("*.sql")} == asked | set(TABLES)
    assert all(path.read_text().startswith("-- ") for path in SQL.glob("*.sql"))
