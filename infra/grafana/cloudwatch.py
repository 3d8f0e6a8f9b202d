"""Dashboards over CloudWatch and X-Ray: what AWS knows without a control plane. What is a request, and what has failed, is said in the words of
slo-evaluator's query (control-plane/slo-evaluator/src/query.rs)."""

from grafana_foundation_sdk.builders import cloudwatch as cw
from grafana_foundation_sdk.builders import nodegraph
from grafana_foundation_sdk.models import cloudwatch as model
from grafana_foundation_sdk.models import dashboard

from .parts import (ERROR, FAILING, FAULT, TENANT, TIER, Column, burn, chosen_source, control_plane, count, milliseconds, new, remark,
                    rows, series, share, with_panels, written)
from .queries import XRAY, XRayQuery

CLOUDWATCH = "cloudwatch"
# Functions that requests and messages reach, by the account they are in.
FUNCTIONS = {"booking": ["booking-api", "registration-api", "invitation-mail", "booking-publisher"], "mileage": ["mileage-accrual", "mileage-api"]}
REQUESTS = """filter kind in ["SERVER", "CONSUMER"] and ispresent(attributes.tenant.id)
  and (kind = "CONSUMER" or coalesce(attributes.faas.trigger, "http") = "http")
| fields attributes.tenant.id as tenant, coalesce(attributes.tenant.tier, "") as tier, resource.attributes.service.name as service,
  coalesce(attributes.http.response.status_code, attributes.http.status_code, 0) as http,
  strcontains(coalesce(status.code, ""), "ERROR") as error,
  greatest(1, coalesce(attributes.sampling.adjusted_count, 1)) as weight
| fields least(1, floor(http / 500)) as fault, least(1, floor(http / 400)) as refused
| fields greatest(fault, error - refused, 0) as failed"""
# A span that was delivered twice counts once.
ONCE = "| stats count(*) as copies by traceId, spanId, tenant, tier, service, durationNano, failed, weight"
FARE = "count(*) as seen, sum(failed) as seen_failed, sum(failed * weight) / sum(weight) as error_rate"
SCANS = ("Each question to the logs scans `aws/spans` of both accounts over the window, and is paid for by the gigabyte: keep the window short, and "
         "the refresh off.")


def dashboards(settings):
    """By name."""
    return {"tenants": _tenants(), "objectives": _objectives(settings), "cost": _cost(settings), "map": _map()}


def _variables(*more):
    """In which accounts."""
    return [chosen_source("cloudwatch", CLOUDWATCH, "CloudWatch"), control_plane(),
            written("region", "Region", "eu-central-1", "The region of the stage"),
            written("booking_account", "Booking account", "111111111111", "Account A"),
            written("mileage_account", "Mileage account", "222222222222", "Account B"), *more]


def _stage():
    """Functions and APIs are named by it; spans are not, all stages of an account share them."""
    return written("stage", "Stage", "dev", "As it was deployed")


def _logs(question, groups=()):
    """A question to Logs Insights over the spans of both accounts; `groups` are what a series is told apart by."""
    built = (cw.CloudWatchLogsQuery().query_mode(model.CloudWatchQueryMode.LOGS).query_language(model.LogsQueryLanguage.CWLI).id("")
             .region("${region}").datasource(_source()).ref_id("A").expression(question).log_groups([_spans(account) for account in FUNCTIONS]))
    return built.stats_groups(list(groups)) if groups else built


def _spans(account):
    return (cw.LogGroup().name("aws/spans").account_id(f"${{{account}_account}}")
            .arn(f"arn:aws:logs:${{region}}:${{{account}_account}}:log-group:aws/spans:*"))


def _source():
    return dashboard.DataSourceRef(type_val=CLOUDWATCH, uid="${cloudwatch}")


def _metrics(ref_id, label, period, mode):
    """What a metric and a formula have in common; formulas name metrics by their ids."""
    return (cw.CloudWatchMetricsQuery().query_mode(model.CloudWatchQueryMode.METRICS).metric_query_type(model.MetricQueryType.SEARCH)
            .metric_editor_mode(mode).datasource(_source()).region("${region}").period(period).label(label).ref_id(ref_id).id(ref_id))


def _metric(ref_id, namespace, metric, dimensions, statistic, account, label, period="300", hidden=False):
    return (_metrics(ref_id, label, period, model.MetricEditorMode.BUILDER).namespace(namespace).metric_name(metric).dimensions(dimensions)
            .match_exact(True).statistic(statistic).account_id(f"${{{account}_account}}").expression("").hide(hidden))


def _formula(ref_id, expression, label, period="300"):
    return (_metrics(ref_id, label, period, model.MetricEditorMode.CODE).namespace("").metric_name("").dimensions({}).statistic("Average")
            .expression(expression))


def _functions(metric, statistic):
    """The same metric of each function."""
    named = [(account, name) for account, names in FUNCTIONS.items() for name in names]
    return [_metric(f"f{number}", "AWS/Lambda", metric, {"FunctionName": [f"{name}-${{stage}}"]}, statistic, account, name)
            for number, (account, name) in enumerate(named)]


def _api(ref_id, api, metric, statistic, label, **more):
    return _metric(ref_id, "AWS/ApiGateway", metric, {"ApiName": [f"{api}-${{stage}}"], "Stage": ["${stage}"]}, statistic, api, label, **more)


def _tenants():
    built = new("tenants", "CloudWatch", "Which tenant is hurting, by Logs Insights over the spans of both accounts.", _variables(), "now-1h", "")
    latencies = ", ".join(f"pct(durationNano, {rank}) / 1000000 as p{rank}_ms" for rank in (50, 95, 99))
    by_tenant = f"{REQUESTS}\n{ONCE}\n| stats {FARE},\n  {latencies} by tenant, tier\n| sort error_rate desc\n| limit 10000"

    def by_tier(number, title, description, measure, unit, steps=None):
        question = _logs(f"{REQUESTS}\n| stats {measure} by bin(5m), tier", groups=["bin(5m)", "tier"])
        return series(number, title, description, [question], unit, steps)

    panels = [
        remark(1, SCANS, 2),
        rows(2, "Tenants, the worst first",
             "Requests and failures as seen; the error rate of the requests they stand for; latencies of those seen, which is another number than "
             "the control plane's where traces are sampled at different rates. Ten thousand tenants at most.",
             _logs(by_tenant), [
                 TENANT, TIER, count("seen", "Requests"), count("seen_failed", "Failed"), share("error_rate", "Error rate", FAILING),
                 milliseconds("p50_ms", "p50"), milliseconds("p95_ms", "p95"), milliseconds("p99_ms", "p99")], height=11),
        by_tier(3, "Requests by tier", "Requests that those seen stand for, in five minutes. A span that was delivered twice counts twice here.",
                "sum(weight) as requests", "short"),
        by_tier(4, "Error rate by tier", "Of the requests that those seen stand for.", "sum(failed * weight) / sum(weight) as error_rate",
                "percentunit", FAILING),
        by_tier(5, "p99 by tier", "Of the requests that were seen.", "pct(durationNano, 99) / 1000000 as p99_ms", "ms"),
    ]
    return with_panels(built, panels)


def _objectives(settings):
    built = new("objectives", "CloudWatch", "How the APIs stand against their objectives, and how quickly tenants burn their budgets in this window.",
                _variables(_stage(), written("availability", "Availability", "0.999", "AvailabilityObjective of the observability stack"),
                           written("p99_ms", "p99 in ms", "2000", "P99ObjectiveMs of the observability stack")), "now-6h", "")
    missing = ("What is left of thirty days' budgets is not here: `slo-evaluator` keeps it in its table, which no data source of Grafana reads, and "
               "thirty days of spans are too much to scan. It pages when a budget is nearly used. " + SCANS)
    # At which burn rates the alarms' pairs of windows page.
    fast, slow = [(1, ERROR), (14.4, FAULT)], [(1, ERROR), (6, FAULT)]
    panels = [
        remark(1, missing, 3),
        rows(2, "Tenants, how quickly they burn",
             "The error rate of this window over what the tenant's objective allows: 1 uses a budget up in just 30 days.",
             _logs(_burn_of_tenants(settings)), [
                 TENANT, TIER, count("seen", "Requests"), count("seen_failed", "Failed"), share("error_rate", "Error rate"),
                 share("allowed", "Allowed"), burn("burn", "Burn", slow)], height=9)]
    for number, api in zip((3, 6), FUNCTIONS):
        objective = _formula("objective", "TIME_SERIES(${p99_ms})", "objective")
        panels += [
            _burn_of_api(number, api, [("5 minutes", "300"), ("1 hour", "3600")], fast),
            _burn_of_api(number + 1, api, [("30 minutes", "1800"), ("6 hours", "21600")], slow),
            series(number + 2, f"{api} API: p99", "API Gateway's latency, against the objective of the alarms.",
                   [_api("p99", api, "Latency", "p99", "p99"), objective], "ms")]
    return with_panels(built, panels)


def _burn_of_tenants(settings):
    """Each tenant by its own objective, else its tier's. A text is in another or not, 1 or 0: Insights has no other way to choose."""
    by_name = {f"/{tier}/{tenant}{'/' if tenant else ''}": promised.allowed for (tier, tenant), promised in settings.objectives.items()}
    of_tiers = [name for name in by_name if name.count("/") == 2]
    of_tenants = [name for name in by_name if name.count("/") == 3]

    def total(names, allowed=True):
        return " + ".join(f'strcontains(promise, "{name}")' + (f" * {by_name[name]!r}" if allowed else "") for name in names) or "0"

    return (f"{REQUESTS}\n{ONCE}\n| stats {FARE} by tenant, tier\n"
            '| fields concat("/", tier, "/", tenant, "/") as promise\n'
            f"| fields {total(of_tiers)} as of_tier,\n  {total(of_tenants)} as of_tenant,\n  {total(of_tenants, allowed=False)} as is_own\n"
            "| fields of_tenant + of_tier * (1 - is_own) as allowed\n| filter allowed > 0\n| fields error_rate / allowed as burn\n"
            "| display tenant, tier, seen, seen_failed, error_rate, allowed, burn\n| sort burn desc\n| limit 10000")


def _burn_of_api(number, api, windows, steps):
    """As the pairs of alarms compute it (infra/observability)."""
    targets = []
    for place, (label, period) in enumerate(windows):
        targets += [_api(f"errors{place}", api, "5XXError", "Sum", "errors", period=period, hidden=True),
                    _api(f"requests{place}", api, "Count", "Sum", "requests", period=period, hidden=True),
                    _formula(f"burn{place}", f"(errors{place} / requests{place}) / (1 - ${{availability}})", label, period)]
    [short, long] = [label for label, _ in windows]
    return series(number, f"{api} API: burn over {short} and {long}",
                  "5xx over what the objective of all tenants together allows; both above the line page.", targets, "suffix:×", steps)


def _cost(settings):
    money, price = f"currency{settings.currency}", settings.prices[""]
    built = new("cost", "CloudWatch", "Who costs what, by the spans of both accounts; and what functions used.", _variables(_stage()), "now-24h", "")
    seconds = "sum(durationNano * weight) / 1000000000"
    cost = (f"sum(weight) * {price.per_million_requests!r} / 1000000 + {seconds} * {price.memory_mb} / 1024 * {price.per_gb_second:.12f}")
    by_line = (f"{REQUESTS}\n{ONCE}\n| stats sum(weight) as requests, {seconds} as seconds,\n  {cost} as cost\n"
               "  by tenant, tier, service\n| sort cost desc\n| limit 10000")
    panels = [
        remark(1, SCANS, 2),
        rows(2, "Tenants and services, the dearest first",
             "Of the requests that those seen stand for, at one price for all services. Requests of nobody that is known are not here; on the "
             "control plane's page they are.",
             _logs(by_line), [
                 TENANT, TIER, Column("service", "Service"), count("requests", "Requests"), Column("seconds", "Time", "s"),
                 Column("cost", "Cost", money, decimals=2)], height=12),
        series(3, "Invocations", "Of each function, in five minutes; all tenants together.", _functions("Invocations", "Sum"), "short", bars=True),
        series(4, "Time", "That functions ran, in five minutes.", _functions("Duration", "Sum"), "ms", bars=True),
        series(5, "At the same time", "Executions of a function at once.", _functions("ConcurrentExecutions", "Maximum"), "short"),
    ]
    return with_panels(built, panels)


def _map():
    xray = chosen_source("xray", XRAY, "X-Ray")
    built = new("map", "CloudWatch", "What calls what, as X-Ray draws it, and how functions fare.", _variables(_stage(), xray), "now-1h", "")
    graph = (nodegraph.Panel().id(1).title("Service map").span(24).height(18).datasource(dashboard.DataSourceRef(type_val=XRAY, uid="${xray}"))
             .description("X-Ray's own map of the traces that it indexed: 1 % of them where nothing else was chosen (IndexingPercentage).")
             .with_target(XRayQuery("getServiceMap", {"GroupName": "Default", "GroupARN": "default"})))
    panels = [
        graph,
        series(2, "Functions: p99", "How long functions ran.", _functions("Duration", "p99"), "ms"),
        series(3, "Functions: errors", "Invocations that ended with an error, in five minutes. A 5xx that a function answered is none.",
               _functions("Errors", "Sum"), "short", [(1, FAULT)]),
        series(4, "Functions: throttles", "Invocations that were not let in.", _functions("Throttles", "Sum"), "short", [(1, FAULT)]),
    ]
    return with_panels(built, panels)
