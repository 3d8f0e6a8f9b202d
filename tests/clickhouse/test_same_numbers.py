"""What Grafana asks ClickHouse and what the control plane answers are the same numbers: error rates, budgets and costs equal, p99 within 5 %."""

import time
from datetime import UTC, datetime, timedelta

import pytest

import spans

SLOT = 300
DAY = 86_400


@pytest.fixture(scope="module")
def answer(clickhouse, all_spans):
    """How each tenant fares by the control plane once it has read all there is."""
    for _ in range(200):
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
    rates = {row["tenant"]: row for row in clickhouse.ask("error_rate", latest, at)}
    assert rates, "somebody was served lately"
    quantiles = {row["tenant"]: row for row in clickhouse.ask("p99", latest, at, quantile=0.99)}
    for line in answer["tenants"]:
        tenant, evaluation = line["whose"]["tenant"], line["evaluation"]
        allowed = round(1 - evaluation["objectives"]["availability"]["target"], 12)
        budgets = {row["tenant"]: row for row in clickhouse.ask("budget", latest, at, tier=line["tier"], allowed=allowed)}
        ours, theirs = evaluation["budget"], budgets[tenant]
        assert (ours["requests"], ours["failed"]) == (theirs["seen"], theirs["seen_failed"]), tenant
        assert ours["consumed"] == pytest.approx(theirs["consumed"], rel=1e-12), tenant
        assert ours["allowed"] == pytest.approx(theirs["may_fail"], rel=1e-12), tenant
        if tenant in rates:
            assert evaluation["latest"]["error_rate"] == pytest.approx(rates[tenant]["error_rate"], rel=1e-12), tenant
            assert evaluation["latest"]["p99_ns"] == pytest.approx(quantiles[tenant]["quantile_ms"] * 1e6, rel=0.05), tenant


def test_costs(clickhouse, answer):
    """By tenant, tier and service, over whole days."""
    first, last = answer["at"] // DAY * DAY - 7 * DAY, answer["at"] // DAY * DAY + DAY
    report = clickhouse.get(f"/api/cost?from={first}&to={last - 1}")
    found = clickhouse.ask("cost_shares", datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
    theirs = {(row["tenant"], row["tier"], row["service"]): row for row in found}
    ours = {(line["tenant"], line["tier"], line["service"]): line for line in report["lines"]}
    assert ours.keys() == theirs.keys()
    for whose, line in ours.items():
        assert line["requests"] == pytest.approx(theirs[whose]["all_requests"], rel=1e-12), whose
        assert line["seconds"] == pytest.approx(theirs[whose]["seconds"], rel=1e-9), whose
        assert line["requests_share"] == pytest.approx(theirs[whose]["requests_share"], rel=1e-9), whose
        assert line["estimated"] == bool(theirs[whose]["is_estimated"]), whose
