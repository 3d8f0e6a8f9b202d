"""Dashboards over CloudWatch ask for what is there: metrics of functions and APIs that the templates deploy, by the alarms' formulas; and Logs
Insights for requests and failures as slo-evaluator counts them."""

import json
import random
import re
from collections import defaultdict

import pytest

import insights
import insights_queries
from grafana import settings
from project import BOOKING, MILEAGE, ROOT, STAGE, Project
from rules.reading import existing

PROJECT = Project.read()
KNOWN = existing(PROJECT)
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "infra/grafana/dashboards/cloudwatch").glob("*.json")}
VALUES = {variable["name"]: variable["query"] for dashboard in DASHBOARDS.values() for variable in dashboard["templating"]["list"]} | {
    "stage": STAGE, "booking_account": BOOKING, "mileage_account": MILEAGE}
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
METRICS = {
    "AWS/Lambda": ({"FunctionName"}, {"Invocations", "Errors", "Throttles", "Duration", "IteratorAge", "ConcurrentExecutions"}),
    "AWS/ApiGateway": ({"ApiName", "Stage"}, {"4XXError", "5XXError", "Count", "IntegrationLatency", "Latency"}),
}
STATISTICS = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}")


def replaced(text):
    return re.sub(r"\$\{(\w+)\}", lambda found: VALUES[found[1]], text)


def targets(mode):
    """Dashboard, panel and target of each query of a kind."""
    return [(name, panel, target) for name, dashboard in sorted(DASHBOARDS.items()) for panel in dashboard["panels"]
            for target in panel.get("targets", []) if target.get("queryMode") == mode]


def unknown_metric(target):
    """Why there is no such metric; nothing if there is one."""
    if target["namespace"] not in METRICS:
        return f"no namespace {target['namespace']}"
    names, metrics = METRICS[target["namespace"]]
    if target["metricName"] not in metrics or target["dimensions"].keys() != names or not STATISTICS.fullmatch(target["statistic"]):
        return f"no metric {target['metricName']} of {sorted(target['dimensions'])}, {target['statistic']}"
    account = replaced(target["accountId"])
    for dimension, [value] in target["dimensions"].items():
        if dimension in KNOWN and (account, replaced(value)) not in KNOWN[dimension]:
            return f"account {account} has no {dimension} {replaced(value)}"
    return None


def test_metrics_are_those_of_functions_and_apis_that_are_deployed():
    plain = [target for _, _, target in targets("Metrics") if not target["expression"]]
    assert len(plain) > 20
    assert [unknown_metric(target) for target in plain if unknown_metric(target)] == []
    watched = {replaced(target["dimensions"]["FunctionName"][0]) for target in plain if "FunctionName" in target["dimensions"]}
    own = {f"{name}-{STAGE}" for name in ("slo-evaluator", "booking-api-isolated")}
    assert watched == {name for _, name in KNOWN["FunctionName"]} - own, "each function that serves tenants is shown"


@pytest.mark.parametrize("mistake", [
    {"namespace": "AWS/Lamda"}, {"metricName": "Error"}, {"statistic": "p999"}, {"accountId": "${mileage_account}"},
    {"dimensions": {"FunctionName": ["booking-app-${stage}"]}}, {"dimensions": {"Function": ["booking-api-${stage}"]}},
])
def test_another_metric_is_none(mistake):
    target = next(target for _, _, target in targets("Metrics") if target["dimensions"] == {"FunctionName": ["booking-api-${stage}"]})
    assert unknown_metric(target) is None and unknown_metric(target | mistake)


def test_burn_is_computed_as_the_alarms_do():
    alarms = [metric["Expression"] for _, _, _, properties in PROJECT.resources("AWS::CloudWatch::Alarm")
              for metric in properties.get("Metrics", []) if metric["Id"] == "burn"]
    assert alarms
    computed = [(panel, target) for _, panel, target in targets("Metrics") if target["id"].startswith("burn")]
    assert len(computed) == 8, "two pairs of windows for each API"
    for panel, target in computed:
        place = target["id"].removeprefix("burn")
        formula = replaced(target["expression"]).replace(f"errors{place}", "errors").replace(f"requests{place}", "requests")
        assert all(formula in alarm for alarm in alarms)
        of = {other["id"]: other for other in panel["targets"]}
        errors, requests = of[f"errors{place}"], of[f"requests{place}"]
        assert (errors["metricName"], requests["metricName"]) == ("5XXError", "Count")
        assert errors["period"] == requests["period"] == target["period"] and errors["statistic"] == requests["statistic"] == "Sum"
        assert errors["hide"] and requests["hide"] and errors["dimensions"] == requests["dimensions"]


def test_objectives_are_those_of_the_observability_stack():
    parameters = PROJECT.templates["observability"]["Parameters"]
    assert VALUES["availability"] == str(parameters["AvailabilityObjective"]["Default"])
    assert VALUES["p99_ms"] == str(parameters["P99ObjectiveMs"]["Default"])


def questions():
    return [(f"{name}: {panel['title']}", target) for name, panel, target in targets("Logs")]


@pytest.mark.parametrize("where, target", questions(), ids=[where for where, _ in questions()])
def test_a_question_to_the_logs_is_one(where, target):
    query = replaced(target["expression"])
    insights_queries.check(query)
    assert len(query) < 10_000 and query.count("| stats") <= 2, "limits of Logs Insights"
    arns = {replaced(group["arn"]) for group in target["logGroups"]}
    assert arns == {f"arn:aws:logs:{VALUES['region']}:{account}:log-group:aws/spans:*" for account in (BOOKING, MILEAGE)}
    # Grafana takes the first variable of an ARN for what it is made of, and divides lists: each of these is one text.
    assert all(group["arn"].startswith("arn:aws:logs:${region}:") for group in target["logGroups"])
    by = re.search(r"\bby ([^|]*)", query.split("| stats")[-1])[1]
    assert target.get("statsGroups", []) in ([], re.split(r",\s*", by.strip()))


def words(text):
    return " ".join(text.split())


def test_requests_and_failures_are_slo_evaluators():
    """By its very words: what it counts is tested against the spans of a month."""
    query = words((ROOT / "control-plane/slo-evaluator/src/query.rs").read_text())
    for where, target in questions():
        expression = words(target["expression"])
        said = [
            *re.findall(r'filter kind in .*?"http"\)', expression),
            *re.findall(r'coalesce\(attributes\.http.*? as http', expression),
            *re.findall(r"strcontains\(coalesce\(status.*? as error", expression),
            *re.findall(r"greatest\(1, .*? as weight", expression),
            *re.findall(r"least\(1, floor\(http / 500\)\) as fault, .*? as failed", expression),
        ]
        assert len(said) == 5, where
        assert all(part in query for part in said), where


TIERS = {"acme": "basic", "globex": "standard", "hooli": "premium", "oceanic": "premium", "gratis": "trial"}


def record(source, number):
    """A span as Transaction Search keeps it; some are no requests, some have no tenant. Six are a trace, and some of these differ in their ids alone."""
    kind = source.choice(["SERVER", "SERVER", "CONSUMER", "CLIENT"])
    tenant = [*TIERS, None][number // 6 % 6]
    http = source.choice([200, 200, 404, 503, None]) if kind == "SERVER" else None
    fields = {
        "@timestamp": 1_790_000_000 + source.randrange(3_600), "traceId": f"{number // 6:032x}", "spanId": f"{number:016x}", "kind": kind,
        "durationNano": source.randrange(1, 20) * 150_000_000, "status.code": source.choice(["OK", "UNSET", "ERROR", None]),
        "attributes.tenant.id": tenant, "attributes.tenant.tier": TIERS.get(tenant),
        "resource.attributes.service.name": source.choice(["booking-api", "mileage-api"]),
        "attributes.faas.trigger": source.choice(["http", None, "pubsub"]) if kind == "SERVER" else None,
        source.choice(["attributes.http.response.status_code", "attributes.http.status_code"]): http,
        "attributes.sampling.adjusted_count": source.choice([None, 1, 2.5, 10]),
    }
    return {name: value for name, value in fields.items() if value is not None}


@pytest.fixture(scope="module")
def records():
    source = random.Random(20261126)
    once = [record(source, number) for number in range(3_000)]
    return once, [*once, *once[::7]]


def counted(once):
    """Requests of somebody, each with what it stands for and whether it failed."""
    for span in once:
        served = span["kind"] == "CONSUMER" or (span["kind"] == "SERVER" and span.get("attributes.faas.trigger", "http") == "http")
        if not served or "attributes.tenant.id" not in span:
            continue
        http = span.get("attributes.http.response.status_code", span.get("attributes.http.status_code", 0))
        failed = http >= 500 or (span.get("status.code") == "ERROR" and http < 400)
        yield span, max(1, span.get("attributes.sampling.adjusted_count", 1)), failed


def asked(dashboard, title, records):
    [target] = [target for name, panel, target in targets("Logs") if (name, panel["title"]) == (dashboard, title)]
    return insights.run(replaced(target["expression"]), records)


def test_tenants_fare_as_a_recount_says(records):
    once, delivered = records
    of_tenant = defaultdict(list)
    for span, weight, failed in counted(once):
        of_tenant[span["attributes.tenant.id"]].append((span, weight, failed))
    found = asked("tenants", "Tenants, the worst first", delivered)
    assert {row["tenant"]: row["tier"] for row in found} == TIERS
    assert sum(row["seen"] for row in found) > 1_000
    assert [row["error_rate"] for row in found] == sorted((row["error_rate"] for row in found), reverse=True)
    for row in found:
        sample = of_tenant[row["tenant"]]
        assert (row["seen"], row["seen_failed"]) == (len(sample), sum(failed for _, _, failed in sample))
        assert row["error_rate"] == pytest.approx(rate(sample))
        durations = sorted(span["durationNano"] for span, _, _ in sample)
        assert row["p50_ms"] == durations[(len(durations) + 1) // 2 - 1] / 1e6


def rate(sample):
    return sum(weight for _, weight, failed in sample if failed) / sum(weight for _, weight, _ in sample)


def test_tenants_burn_by_their_own_objectives(records):
    once, delivered = records
    promised = settings.read().objectives
    found = {row["tenant"]: row for row in asked("objectives", "Tenants, how quickly they burn", delivered)}
    assert found.keys() == TIERS.keys() - {"gratis"}, "whose tier is promised nothing"
    for tenant, row in found.items():
        sample = [each for each in counted(once) if each[0]["attributes.tenant.id"] == tenant]
        own = promised.get((TIERS[tenant], tenant), promised[TIERS[tenant], ""])
        assert row["allowed"] == pytest.approx(own.allowed)
        assert row["burn"] == pytest.approx(rate(sample) / own.allowed)
    assert found["oceanic"]["allowed"] != found["hooli"]["allowed"]


def test_costs_are_a_recount(records):
    once, delivered = records
    price = settings.read().prices[""]
    of_line = defaultdict(lambda: [0, 0])
    for span, weight, _ in counted(once):
        line = of_line[span["attributes.tenant.id"], span["resource.attributes.service.name"]]
        line[:] = line[0] + weight, line[1] + weight * span["durationNano"] / 1e9
    found = asked("cost", "Tenants and services, the dearest first", delivered)
    assert len(found) == len(of_line) == 10
    for row in found:
        requests, seconds = of_line[row["tenant"], row["service"]]
        assert (row["requests"], row["seconds"]) == pytest.approx((requests, seconds))
        money = requests * price.per_million_requests / 1e6 + seconds * price.memory_mb / 1_024 * price.per_gb_second
        assert row["cost"] == pytest.approx(money)


def test_tiers_over_time_are_a_recount(records):
    once, _ = records
    of_slot = defaultdict(list)
    for span, weight, failed in counted(once):
        of_slot[span["@timestamp"] // 300 * 300, span["attributes.tenant.tier"]].append((span, weight, failed))
    for title, field, expected in (("Requests by tier", "requests", lambda sample: sum(weight for _, weight, _ in sample)),
                                   ("Error rate by tier", "error_rate", rate)):
        found = {(row["bin(5m)"], row["tier"]): row[field] for row in asked("tenants", title, once)}
        assert found == pytest.approx({slot: expected(sample) for slot, sample in of_slot.items()})


@pytest.mark.parametrize("query, expected", [
    ('filter a > 1 and not b in ["x", "y"] | fields a * 2 + 1 as c | display c', [{"c": 7}]),
    ("stats count(*) as n, sum(a) / 2 as half by b | sort n desc | limit 1", [{"b": "x", "n": 2, "half": 1.5}]),
    ('filter strcontains(b, "x") = 1 | stats pct(a, 50) as middle by coalesce(c, "none") as d', [{"d": "none", "middle": 1}]),
    ("filter c > 0 | fields a", []),
    ("fields least(a, 2) as one, greatest(1, c) as two | display one, two | limit 1", [{"one": 1, "two": None}]),
])
def test_the_interpreter_reads_as_aws_documents(query, expected):
    assert insights.run(query, [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 3, "b": "z"}]) == expected
