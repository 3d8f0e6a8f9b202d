"""The same spans in ClickHouse and in the control plane give the same numbers: error rates, budgets and costs equal, p99 within 5 %."""

import json
import os
import re
import subprocess
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import spans
from conftest import ClickHouse

BINARY = Path(__file__).parents[2] / "target/debug/control-plane"
KINDS = {"Internal": 1, "Server": 2, "SPAN_KIND_SERVER": 2, "Client": 3, "Consumer": 5}
STATUSES = {"Unset": 0, "Ok": 1, "Error": 2, "STATUS_CODE_ERROR": 2}
SPANS = 12_000
SLOT = 300


def attribute(name, text):
    """As an SDK sends it: numbers as numbers, where they are."""
    if name.endswith("status_code"):
        value = {"intValue": text}
    elif name == "sampling.estimated":
        value = {"boolValue": text == "true"}
    elif name == "sampling.adjusted_count" and text != "no number":
        value = {"doubleValue": float(text)}
    else:
        value = {"stringValue": text}
    return {"key": name, "value": value}


def otlp(number, span, shift_ns):
    """One span with its sender."""
    start = span.start_ns + shift_ns
    exported = span.row["Duration"]
    end = start + (exported if exported < 2**63 else exported - 2**64)
    attributes = [attribute(*item) for item in span.row["SpanAttributes"].items()]
    sent = {
        "traceId": f"{number + 1:032x}", "spanId": f"{number + 1:016x}", "name": span.operation,
        "kind": KINDS[span.row["SpanKind"]], "status": {"code": STATUSES[span.row["StatusCode"]]},
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "attributes": attributes,
    }
    resource = [attribute(*item) for item in span.row["ResourceAttributes"].items()]
    return {"resource": {"attributes": resource}, "scopeSpans": [{"spans": [sent]}]}


def exported(span, shift_ns):
    """The row of the exporter, at its new time."""
    start = span.start_ns + shift_ns
    second = datetime.fromtimestamp(start // spans.SECONDS, UTC)
    return span.row | {"Timestamp": f"{second:%Y-%m-%d %H:%M:%S}.{start % spans.SECONDS:09d}"}


class ControlPlane:
    """A server process with spans in it."""

    def __init__(self, folder):
        config = folder / "control-plane.toml"
        config.write_text("[slo]\nsettle_seconds = 0\n")
        binary = os.environ.get("CONTROL_PLANE_BIN", BINARY)
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data", folder, "--config", config]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = re.fullmatch(r"listening on (\S+)\n", self.process.stdout.readline())[1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def send(self, groups):
        body = json.dumps({"resourceSpans": groups}).encode()
        request = urllib.request.Request(f"{self.url}/v1/traces", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer) == {}

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def both(tmp_path_factory, engine):
    """Both engines, and how each tenant fares by the control plane once it has read all there is."""
    some = spans.generate(SPANS)
    now = int(time.time()) // SLOT * SLOT
    shift_ns = (now - int(spans.AT.timestamp())) * spans.SECONDS
    clickhouse = ClickHouse(engine, "otel_too")
    clickhouse.insert([exported(span, shift_ns) for span in some])
    control_plane = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    for first in range(0, len(some), 4_000):
        numbered = enumerate(some[first:first + 4_000], first)
        control_plane.send([otlp(number, span, shift_ns) for number, span in numbered])
    # The window begins with a whole hour of now, not of when the spans were made.
    month = spans.AT - timedelta(seconds=now - (now - 30 * 86_400) // 3_600 * 3_600)
    counted = sum(span.tenant != "" for span in spans.requests(some, month, spans.AT))
    for _ in range(200):
        answer = control_plane.get("/api/slo")
        if sum(line["evaluation"]["budget"]["requests"] for line in answer["tenants"]) >= counted:
            break
        time.sleep(0.2)
    yield clickhouse, control_plane, answer
    control_plane.stop()


def test_error_rates_budgets_and_quantiles(both):
    """Of every tenant: the last five minutes, and thirty days."""
    clickhouse, _, answer = both
    at = datetime.fromtimestamp(answer["at"], UTC)
    latest = at - timedelta(seconds=SLOT)
    assert len(answer["tenants"]) == sum(tenant != "" for tenant in spans.TENANTS)
    rates = {row["tenant"]: row for row in clickhouse.ask("error_rate", **{"from": latest, "to": at})}
    quantiles = {row["tenant"]: row for row in clickhouse.ask("p99", quantile=0.99, **{"from": latest, "to": at})}
    for line in answer["tenants"]:
        tenant, evaluation = line["whose"]["tenant"], line["evaluation"]
        allowed = round(1 - evaluation["objectives"]["availability"]["target"], 12)
        budgets = {row["tenant"]: row for row in clickhouse.ask("budget", at=at, tier=line["tier"], allowed=allowed)}
        ours, theirs = evaluation["budget"], budgets[tenant]
        assert (ours["requests"], ours["failed"]) == (theirs["seen"], theirs["seen_failed"]), tenant
        assert ours["consumed"] == pytest.approx(theirs["consumed"], rel=1e-12), tenant
        assert ours["allowed"] == pytest.approx(theirs["may_fail"], rel=1e-12), tenant
        if tenant in rates:
            assert evaluation["latest"]["error_rate"] == pytest.approx(rates[tenant]["error_rate"], rel=1e-12), tenant
            assert evaluation["latest"]["p99_ns"] == pytest.approx(quantiles[tenant]["quantile_ms"] * 1e6, rel=0.05), tenant


def test_costs(both):
    """By tenant, tier and service, over whole days."""
    clickhouse, control_plane, answer = both
    day = 86_400
    first, last = answer["at"] // day * day - 7 * day, answer["at"] // day * day + day
    report = control_plane.get(f"/api/cost?from={first}&to={last - 1}")
    window = {"from": datetime.fromtimestamp(first, UTC), "to": datetime.fromtimestamp(last, UTC)}
    theirs = {(row["tenant"], row["tier"], row["service"]): row for row in clickhouse.ask("cost_shares", **window)}
    ours = {(line["tenant"], line["tier"], line["service"]): line for line in report["lines"]}
    assert ours.keys() == theirs.keys()
    for whose, line in ours.items():
        assert line["requests"] == pytest.approx(theirs[whose]["all_requests"], rel=1e-12), whose
        assert line["seconds"] == pytest.approx(theirs[whose]["seconds"], rel=1e-9), whose
        assert line["requests_share"] == pytest.approx(theirs[whose]["requests_share"], rel=1e-9), whose
        assert line["estimated"] == bool(theirs[whose]["is_estimated"]), whose
