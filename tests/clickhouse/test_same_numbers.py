"""What Grafana asks ClickHouse and what the control plane answers are the same numbers: rates, latencies, budgets, the map and costs."""

import time
from datetime import UTC, datetime, timedelta

import pytest

import spans

SLOT = 300
DAY = 86_400


@pytest.fixture(scope="module")
def answer(clickhouse, all_spans):
    """How each tenant fares by the control plane once it has read all there is."""
    for _ in range(480):
        answer = clickhouse.get("/api/slo")
        at = datetime.fromtimestamp(answer["at"], UTC)
        # The window begins with a whole hour.
        month = (at - timedelta(days=30)).replace(minute=0)
        counted = sum(span.tenant != "" for span in spans.requests(all_spans, month, at))
        if answer["tenants"] and sum(line["evaluation"]["budget"]["requests"] for line in answer["tenants"]) == counted:
            break
        time.sleep(0.5)
    return answer


def test_error_rates_budgets_and_quantiles(clickhouse, answer):
    """Of every tenant: the last five minutes, and thirty days."""
    at = datetime.fromtimestamp(answer["at"], UTC)
    latest = at - timedelta(seconds=SLOT)
    assert len(answer["tenants"]) == sum(tenant != "" for tenant in spans.TENANTS)
    rates = {row["tenant"]: row for row in clickhouse.ask("tenants", latest, at)}
    assert rates, "somebody was served lately"
    objectives = {row["tenant"]: row for row in clickhouse.ask("objectives", latest, at)}
    burns = {row["tenant"]: row for row in clickhouse.ask("burn_rates", latest, at)}
    assert objectives.keys() == {line["subject"]["tenant"] for line in answer["tenants"]}
    for line in answer["tenants"]:
        tenant, evaluation = line["subject"]["tenant"], line["evaluation"]
        ours, theirs = evaluation["budget"], objectives[tenant]
        assert theirs["latest_tier"] == line["tier"], tenant
        assert (ours["requests"], ours["failed"]) == (theirs["seen"], theirs["seen_failed"]), tenant
        assert ours["consumed"] == pytest.approx(theirs["consumed"], rel=1e-12), tenant
        assert ours["allowed"] == pytest.approx(theirs["may_fail"], rel=1e-12), tenant
        promised = evaluation["objectives"]
        assert promised["availability"]["target"] == theirs["target"], tenant
        assert (promised["latency"]["within_ms"], promised["latency"]["target"]) == (theirs["limit_ms"], theirs["quick_target"]), tenant
        assert evaluation["quick"] == pytest.approx(theirs["quick"], rel=1e-9), tenant
        burn = burns.get(tenant, {})
        for pair, (short, long) in zip(evaluation["burn"], [("burn_5m", "burn_1h"), ("burn_30m", "burn_6h")]):
            for measured, asked in ((pair["short"], burn.get(short)), (pair["long"], burn.get(long))):
                assert measured == (asked and pytest.approx(asked, rel=1e-12)), tenant
        if tenant in rates:
            assert evaluation["latest"]["error_rate"] == pytest.approx(rates[tenant]["error_rate"], rel=1e-12), tenant
            assert evaluation["latest"]["p99_ns"] == pytest.approx(rates[tenant]["p99_ms"] * 1e6, rel=1e-12), tenant


def test_the_map(clickhouse):
    """Of all together, of some, and of one account."""
    end = spans.AT - timedelta(seconds=SLOT)
    start = end - timedelta(hours=3)
    for chosen in ({}, {"tenant": ["acme"]}, {"tier": ["premium"]}, {"account": ["222222222222"]}):
        query = "".join(f"&{name}={values[0]}" for name, values in chosen.items())
        # The minute that the end lies in is part of both.
        report = clickhouse.get(f"/api/map?from={int(start.timestamp())}&to={int(end.timestamp())}{query}")
        nodes = {row["id"]: row for row in clickhouse.ask("map_nodes", start, end, **chosen)}
        edges = {(row["source"], row["target"]): row for row in clickhouse.ask("map_edges", start, end, **chosen)}
        names = {node["id"]: f"{node['kind']}|{node.get('account') or ''}|{node['name']}" for node in report["nodes"]}
        assert nodes.keys() == set(names.values()) and len(nodes) > 2, chosen
        assert edges.keys() == {(names[edge["source"]], names[edge["target"]]) for edge in report["edges"]}, chosen
        for node in report["nodes"]:
            ours, theirs = node["stats"], nodes[names[node["id"]]]
            assert ours["count"] == theirs["detail__spans"], (chosen, theirs["id"])
            assert ours["rate"] == pytest.approx(theirs["mainstat"], rel=1e-12)
            assert ours["p99_ms"] == pytest.approx(theirs["secondarystat"], rel=1e-12)
            assert ours["mean_ms"] == pytest.approx(theirs["detail__mean_ms"], rel=1e-9)
            assert ours["fault_rate"] == pytest.approx(theirs["arc__fault"], rel=1e-12)
            assert ours["error_rate"] == pytest.approx(theirs["arc__error"] + theirs["arc__throttle"], rel=1e-12)
            assert sum(theirs[f"arc__{outcome}"] for outcome in ("ok", "error", "throttle", "fault")) == pytest.approx(1)
        colours = {"ok": None, "error": "#d98a04", "throttle": "#a16ae8", "fault": "#d9413a"}
        for edge in report["edges"]:
            ours, theirs = edge["stats"], edges[names[edge["source"]], names[edge["target"]]]
            assert ours["count"] == theirs["detail__spans"], (chosen, theirs["id"])
            assert ours["rate"] == pytest.approx(theirs["mainstat"], rel=1e-12)
            assert ours["p99_ms"] == pytest.approx(theirs["secondarystat"], rel=1e-12)
            assert (ours["fault_rate"], ours["error_rate"]) == pytest.approx((theirs["detail__fault_rate"], theirs["detail__error_rate"]), rel=1e-12)
            assert colours[ours["health"]] == theirs["color"]


def test_costs(clickhouse, answer):
    """By tenant, tier and service, over the whole days that a window touches."""
    first, last = answer["at"] // DAY * DAY - 7 * DAY + 1_000, answer["at"]
    report = clickhouse.get(f"/api/cost?from={first}&to={last}")
    found = clickhouse.ask("cost_shares", datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
    theirs = {(row["tenant"], row["tier"], row["service"]): row for row in found}
    ours = {(line["tenant"], line["tier"], line["service"]): line for line in report["lines"]}
    assert ours.keys() == theirs.keys()
    for whose, line in ours.items():
        assert line["requests"] == pytest.approx(theirs[whose]["all_requests"], rel=1e-12), whose
        assert line["seconds"] == pytest.approx(theirs[whose]["seconds"], rel=1e-9), whose
        assert line["requests_share"] == pytest.approx(theirs[whose]["requests_share"], rel=1e-9), whose
        assert line["estimated"] == bool(theirs[whose]["is_estimated"]), whose
        # The control plane's money is whole millionths that add up to the total.
        assert line["micros"] == pytest.approx(theirs[whose]["cost"] * 1e6, abs=1.0), whose
