"""Every question of infra/clickhouse against the same answer computed from the spans themselves, which came by `otel_traces`, some of them
twice: counts, budgets and costs equal, quantiles within 5 %."""

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

import points
import spans
from conftest import SQL
from spans import AT, TENANTS, latency_bin, requests

HOUR = timedelta(hours=1)
# Minutes; an hour that is cut; a week by the hour and the day, its ends by the minute; days that are over, the last of them cut.
WINDOWS = [(AT - timedelta(minutes=5), AT), (AT - HOUR, AT), (AT - timedelta(days=7), AT - HOUR), (AT - timedelta(days=6), AT - timedelta(days=2))]
# As infra/slo says, and of one tenant by itself.
ALLOWED = {"basic": 0.005, "standard": 0.001, "premium": 0.0005}
QUICK_MS = {"basic": 2_000, "standard": 1_000, "premium": 500}
# As the dashboards have them: a million requests, a GB-second, memory in MB.
PRICES = (4.7, 0.0000133334, 256)
DAY = timedelta(days=1)


def allowed_of(tenant):
    """Share of a tenant's requests that may fail."""
    return 0.0002 if tenant == "oceanic" else ALLOWED[TENANTS[tenant]]


def whole_days(start, end):
    """Days (UTC) that a window touches."""
    first, last = (moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in (start, end - timedelta(seconds=1)))
    return first, last + DAY


def cost(sample):
    """By the prices of all services."""
    seconds = sum(span.weight * span.duration_ns for span in sample) / 1e9
    return sum(span.weight for span in sample) * PRICES[0] / 1e6 + seconds * PRICES[2] / 1_024 * PRICES[1]


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
def test_tenants(clickhouse, all_spans, start, end):
    found = clickhouse.ask("tenants", start, end)
    assert {row["tenant"] for row in found} == set(TENANTS) - {""}
    assert [row["error_rate"] for row in found] == sorted((row["error_rate"] for row in found), reverse=True)
    for row in found:
        sample = requests(all_spans, start, end, tenant=row["tenant"])
        assert (row["seen"], row["seen_failed"]) == (len(sample), sum(span.failed for span in sample))
        assert (row["all_requests"], row["error_rate"]) == (sum(span.weight for span in sample), error_rate(sample))
        assert row["latest_tier"] == TENANTS[row["tenant"]]
        assert row["is_estimated"] == any(span.estimated for span in sample)
        for name, quantile in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)]:
            assert row[name] == pytest.approx(nearest_rank(sample, quantile) / 1e6, rel=0.05), name


def test_some_tenants_tiers_and_accounts(clickhouse, all_spans):
    chosen = {"tenant": ["acme", "globex", "it's nobody"], "tier": ["basic"], "account": ["222222222222"]}
    [row] = clickhouse.ask("tenants", AT - HOUR, AT, **chosen)
    sample = requests(all_spans, AT - HOUR, AT, tenant="acme", account="222222222222")
    assert (row["tenant"], row["seen"], row["error_rate"]) == ("acme", len(sample), error_rate(sample))
    for name in ("over_time", "cost_shares", "cost_over_time"):
        assert {row["tenant"] for row in clickhouse.ask(name, AT - HOUR, AT, **chosen)} == {"acme"}, name
    for name in ("objectives", "burn_rates"):
        assert {row["tenant"] for row in clickhouse.ask(name, AT - HOUR, AT, **chosen)} == {"acme"}, name


@pytest.mark.parametrize("tier", ALLOWED)
def test_objectives(clickhouse, all_spans, tier):
    found = clickhouse.ask("objectives", AT - HOUR, AT + timedelta(seconds=200), tier=[tier])
    assert {row["tenant"] for row in found} == {tenant for tenant, of in TENANTS.items() if of == tier}
    begin = (AT - timedelta(days=30)).replace(minute=0)
    for row in found:
        sample = requests(all_spans, begin, AT, tenant=row["tenant"])
        weight, consumed = sum(span.weight for span in sample), sum(span.weight for span in sample if span.failed)
        assert (row["seen"], row["seen_failed"]) == (len(sample), sum(span.failed for span in sample))
        allowed = weight * allowed_of(row["tenant"])
        assert (row["may_fail"], row["consumed"]) == (allowed, consumed)
        assert (row["remaining"], row["burnt"]) == (allowed - consumed, consumed / allowed)
        assert row["limit_ms"] == QUICK_MS[tier]
        quick = sum(span.weight for span in sample if span.duration_ns <= row["limit_ms"] * 1e6)
        # Of the bin that the limit lies in, a part is taken to be quick.
        edge = sum(span.weight for span in sample if latency_bin(span.duration_ns) == latency_bin(row["limit_ms"] * 1_000_000))
        assert abs(row["quick"] * weight - quick) <= edge + 1e-6 * weight


@pytest.mark.parametrize("tier", ALLOWED)
def test_burn_rates(clickhouse, all_spans, tier):
    found = clickhouse.ask("burn_rates", AT - HOUR, AT, tier=[tier])
    assert {row["tenant"] for row in found} == {tenant for tenant, of in TENANTS.items() if of == tier}
    for row in found:
        for name, minutes in [("burn_5m", 5), ("burn_30m", 30), ("burn_1h", 60), ("burn_6h", 360)]:
            sample = requests(all_spans, AT - timedelta(minutes=minutes), AT, tenant=row["tenant"])
            assert row[name] == error_rate(sample) / allowed_of(row["tenant"]), name
        assert (row["seen_6h"], row["seen_failed_6h"]) == (len(sample), sum(span.failed for span in sample))


@pytest.mark.parametrize("name", ["tenants", "objectives", "burn_rates"])
def test_a_tenant_is_held_against_its_latest_tier(clickhouse, name):
    """As if all had become premium half an hour ago; budgets and rates count what was before."""
    since = int((AT - HOUR / 2).timestamp())
    moved = f"FROM (SELECT * REPLACE (if(start >= toDateTime({since}), 'premium', tier) AS tier) FROM cells)"
    before = {row["tenant"]: row for row in clickhouse.ask(name, AT - HOUR, AT)}
    found = clickhouse.panel((SQL / f"{name}.sql").read_text().replace("FROM cells", moved), AT - HOUR, AT)
    assert {row["tenant"] for row in found} == before.keys() == set(TENANTS) - {""}
    for row in found:
        assert row["latest_tier"] == "premium"
        assert row.get("seen") == before[row["tenant"]].get("seen")
        if name == "objectives":
            assert row["target"] == (0.9998 if row["tenant"] == "oceanic" else 0.9995)


def test_a_tier_without_objectives_has_no_budget_and_no_burn(clickhouse):
    none = {"objectives": "CAST(map('gold/', (0.9, 0.1, 1, 0.9)), 'Map(String, Tuple(Float64, Float64, Float64, Float64))')"}
    assert clickhouse.ask("objectives", AT - HOUR, AT, **none) == clickhouse.ask("burn_rates", AT - HOUR, AT, **none) == []
    # Of infinity JSON would say null, too.
    counts = "SELECT count() AS points, countIf(burn IS NULL) AS without_burn FROM (" + (SQL / "over_time.sql").read_text() + ")"
    [found] = clickhouse.panel(counts, AT - HOUR, AT, **none)
    assert found["points"] == found["without_burn"] > 0


def test_a_window_without_requests_has_no_burn_rate(clickhouse):
    found = clickhouse.ask("burn_rates", AT, AT + timedelta(minutes=30), tier=["basic"])
    assert found and all(row["burn_5m"] is None and row["burn_1h"] is not None for row in found)


@pytest.mark.parametrize("start, end", WINDOWS)
def test_cost_shares(clickhouse, all_spans, start, end):
    everything = requests(all_spans, *whole_days(start, end))
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
        assert row["all_requests"] == sum(span.weight for span in sample)
        # Days are sums of floating-point numbers that are sums.
        assert row["seconds"] == pytest.approx(of_sample / 1e9, rel=1e-12)
        assert row["requests_share"] == row["all_requests"] / weight
        assert row["seconds_share"] == pytest.approx(of_sample / time, rel=1e-12)
        assert row["cost"] == pytest.approx(cost(sample), rel=1e-12)
        assert row["is_estimated"] == any(span.estimated for span in sample)
    assert sum(row["all_requests"] for row in found) == weight
    assert sum(row["requests_share"] for row in found) == pytest.approx(1, abs=1e-12)


def test_cost_over_time(clickhouse, all_spans):
    start, end = AT - 3 * DAY, AT
    found = clickhouse.ask("cost_over_time", start, end)
    assert list(found[0]) == ["time", "tenant", "cost"]
    expected = defaultdict(list)
    for span in requests(all_spans, *whole_days(start, end)):
        # What is empty in the table would have no name in the chart.
        expected[f"{datetime.fromtimestamp(span.start_ns // spans.SECONDS, UTC):%Y-%m-%d} 00:00:00", span.tenant or "nobody that is known"].append(span)
    assert {(row["time"], row["tenant"]) for row in found} == set(expected)
    for row in found:
        assert row["cost"] == pytest.approx(cost(expected[row["time"], row["tenant"]]), rel=1e-12)


def test_a_service_has_its_own_price(clickhouse):
    prices = "CAST(map('', (0, 0, 256), 'booking', (1000000, 0, 256)), 'Map(String, Tuple(Float64, Float64, Float64))')"
    found = clickhouse.ask("cost_shares", AT - HOUR, AT, prices=prices)
    assert {row["service"]: row["cost"] > 0 for row in found} == {"booking": True, "mileage": False}
    assert all(row["cost"] == row["all_requests"] for row in found if row["service"] == "booking")


def test_requests_over_time(clickhouse, all_spans):
    start, end = AT - timedelta(hours=3), AT
    found = clickhouse.ask("over_time", start, end)
    assert list(found[0])[:2] == ["time", "tenant"], "a time series has its time first"
    expected = defaultdict(list)
    for span in requests(all_spans, start, end):
        if span.tenant:
            moment = datetime.fromtimestamp(span.start_ns // spans.SECONDS // 300 * 300, UTC)
            expected[f"{moment:%Y-%m-%d %H:%M:%S}", span.tenant].append(span)
    assert {(row["time"], row["tenant"]) for row in found} == set(expected)
    for row in found:
        sample = expected[row["time"], row["tenant"]]
        assert (row["seen"], row["error_rate"]) == (len(sample), error_rate(sample))
        assert row["per_second"] == sum(span.weight for span in sample) / 300
        assert row["burn"] == error_rate(sample) / allowed_of(row["tenant"])
        assert row["p99_ms"] == pytest.approx(nearest_rank(sample, 0.99) / 1e6, rel=0.05)


def test_hours_over_time_are_their_minutes(clickhouse):
    start, end = (AT - 3 * DAY).replace(minute=0), AT.replace(minute=0)
    text = (SQL / "over_time.sql").read_text()
    by_hour, by_minute = (clickhouse.panel(text, start, end, interval) for interval in (3_600, 300))
    requests_of = defaultdict(int)
    for row in by_minute:
        requests_of[row["tenant"], row["time"][:13]] += row["seen"]
    assert {(row["tenant"], row["time"][:13]): row["seen"] for row in by_hour} == dict(requests_of)


def test_merged_parts_give_the_same_answers(clickhouse):
    before = clickhouse.ask("cost_shares", AT - HOUR, AT)
    clickhouse.post("OPTIMIZE TABLE cells FINAL")
    assert clickhouse.ask("cost_shares", AT - HOUR, AT) == before


def test_every_file_is_asked():
    asked = {"tenants", "over_time", "objectives", "burn_rates", "cost_shares", "cost_over_time", "map_nodes", "map_edges",
             "functions"}
    assert {path.stem for path in SQL.glob("*.sql")} == asked | {"otel_traces"}
    assert all(path.read_text().startswith("-- ") for path in SQL.glob("*.sql"))


def test_what_functions_measure(clickhouse):
    found = {(row["service"], row["time"]): row for row in clickhouse.ask("functions", AT - HOUR, AT)}
    assert found.keys() == {(service, f"{at:%Y-%m-%d %H:%M:%S}") for service, at in points.EXPECTED}
    for (service, at), expected in points.EXPECTED.items():
        row = found[service, f"{at:%Y-%m-%d %H:%M:%S}"]
        assert {name: row[name] for name in expected} == {name: value and pytest.approx(value, rel=1e-9) for name, value in expected.items()}
    assert {row["service"] for row in clickhouse.ask("functions", AT - HOUR, AT, account=["222222222222"])} == {"mileage"}
    earlier = f"{points.EARLIER:%Y-%m-%d %H:%M:%S}"
    assert {(row["service"], row["time"]) for row in clickhouse.ask("functions", AT - HOUR, points.LATER)} == {("booking", earlier)}
    assert clickhouse.ask("functions", points.LATER + timedelta(minutes=1), AT) == [], "none of what was before"
