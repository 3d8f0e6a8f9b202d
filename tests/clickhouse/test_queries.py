"""Every question of infra/clickhouse against the same answer computed from the spans themselves, which came by `otel_traces`, some of them
twice: counts, budgets and costs equal, quantiles within 5 %."""

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

import spans
from conftest import SQL
from spans import AT, TENANTS, latency_bin, requests

HOUR = timedelta(hours=1)
# Minutes; an hour that is cut; a week by the hour and the day, its ends by the minute.
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


def test_sums_are_the_rows_of_the_evaluator(clickhouse, all_spans):
    expected = defaultdict(lambda: [0, 0, 0, 0.0, 0.0, 0.0, 0, defaultdict(float)])
    for span in requests(all_spans, spans.MONTH, spans.END):
        key = (span.start_ns // spans.SECONDS // 60 * 60, span.account, span.service, span.operation, span.kind.upper(),
               span.tenant, span.tier)
        weights = (span.weight, span.weight * span.failed, span.weight * span.duration_ns)
        values = (1, span.failed, span.duration_ns, *weights, span.estimated)
        expected[key][:7] = [total + value for total, value in zip(expected[key], values)]
        expected[key][7][str(latency_bin(span.duration_ns))] += span.weight
    found = clickhouse.minutes()
    rows = [list(row.values()) for row in found]
    assert {tuple(row[:7]): row[7:] for row in rows} == dict(expected)
    assert len(rows) == len(expected) > 10_000


@pytest.mark.parametrize("start, end", WINDOWS)
def test_error_rates(clickhouse, all_spans, start, end):
    found = clickhouse.ask("error_rate", start, end)
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
    found = clickhouse.ask("p99", start, end, quantile=quantile)
    assert {row["tenant"] for row in found} == set(TENANTS) - {""}
    for row in found:
        exact = nearest_rank(requests(all_spans, start, end, tenant=row["tenant"]), quantile) / 1e6
        assert row["quantile_ms"] == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("tier", ALLOWED)
def test_budgets(clickhouse, all_spans, tier):
    found = clickhouse.ask("budget", AT - HOUR, AT + timedelta(seconds=200), tier=tier, allowed=ALLOWED[tier])
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
    found = clickhouse.ask("burn_rates", AT - HOUR, AT, tier=tier, allowed=ALLOWED[tier])
    assert {row["tenant"] for row in found} == {tenant for tenant, of in TENANTS.items() if of == tier}
    for row in found:
        for name, minutes in [("burn_5m", 5), ("burn_30m", 30), ("burn_1h", 60), ("burn_6h", 360)]:
            sample = requests(all_spans, AT - timedelta(minutes=minutes), AT, tenant=row["tenant"])
            assert row[name] == error_rate(sample) / ALLOWED[tier], name
        assert (row["seen_6h"], row["seen_failed_6h"]) == (len(sample), sum(span.failed for span in sample))


def test_a_window_without_requests_has_no_burn_rate(clickhouse):
    found = clickhouse.ask("burn_rates", AT, AT + timedelta(minutes=30), tier="basic", allowed=0.005)
    assert found and all(row["burn_5m"] is None and row["burn_1h"] is not None for row in found)


@pytest.mark.parametrize("start, end", WINDOWS)
def test_cost_shares(clickhouse, all_spans, start, end):
    everything = requests(all_spans, start, end)
    of_line = defaultdict(list)
    for span in everything:
        of_line[span.tenant, span.tier, span.service].append(span)
    weight = sum(span.weight for span in everything)
    time = sum(span.weight * span.duration_ns for span in everything)
    found = clickhouse.ask("cost_shares", start, end)
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


def test_requests_over_time(clickhouse, all_spans):
    start, end = AT - timedelta(hours=3), AT
    found = clickhouse.ask("over_time", start, end)
    assert list(found[0]) == ["time", "tenant", "seen", "error_rate"], "a time series has its time first"
    expected = defaultdict(list)
    for span in requests(all_spans, start, end):
        if span.tenant:
            moment = datetime.fromtimestamp(span.start_ns // spans.SECONDS // 300 * 300, UTC)
            expected[f"{moment:%Y-%m-%d %H:%M:%S}", span.tenant].append(span)
    assert {(row["time"], row["tenant"]) for row in found} == set(expected)
    for row in found:
        sample = expected[row["time"], row["tenant"]]
        assert (row["seen"], row["error_rate"]) == (len(sample), error_rate(sample))


def test_merged_parts_give_the_same_answers(clickhouse):
    before = clickhouse.ask("cost_shares", AT - HOUR, AT)
    clickhouse.post("OPTIMIZE TABLE cells FINAL")
    assert clickhouse.ask("cost_shares", AT - HOUR, AT) == before


def test_every_file_is_asked():
    asked = {"error_rate", "over_time", "p99", "budget", "burn_rates", "cost_shares"}
    assert {path.stem for path in SQL.glob("*.sql")} == asked | {"otel_traces"}
    assert all(path.read_text().startswith("-- ") for path in SQL.glob("*.sql"))
