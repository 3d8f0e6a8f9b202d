"""Whoever sends spans to X-Ray may, and whoever sends metrics to CloudWatch; what is sent has a receiver."""

import itertools

from project import EVERYTHING

from .reading import function_statements
from .registered import check

LAYER = "arn:aws:lambda:eu-west-1:444444444444:layer:collector:1"
CHOICES = [
    *({"Exporter": exporter, "CollectorLayerArn": LAYER} for exporter in ("adot", "community")),
    *({"Exporter": exporter} for exporter in ("direct", "udp")),
]
WITHOUT_METRICS = [{**choice, "MetricsExporter": "none"} for choice in [*CHOICES, {"Exporter": "custom"}]]
TRACES = ("otlp", "xray-otlp", "xray-udp", "none", "otlp,xray-otlp", "xray-udp,xray-otlp")


@check
def who_sends_spans_to_xray_may(project):
    """And nobody else: by OTLP it takes a permission that AWSXrayWriteOnlyAccess does not name, as segments one that comes with `Tracing`.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"""
    choices = CHOICES + [{"Exporter": "custom", "TracesExporter": names} for names in TRACES]
    for where, function, variables, allowed, sends in _functions(project, choices, "OTEL_TRACES_EXPORTER", "xray-otlp", "/xray."):
        allowed = {action for action in allowed if action.startswith("xray:")}
        yield from _compared(where, allowed, {"xray:PutSpans", "xray:PutSpansForIndexing"} if sends else set())
        if variables.get("OTEL_TRACES_EXPORTER") != "none" and not function.get("Tracing"):
            yield f"{where}: without Tracing it may send no segments"


@check
def who_sends_metrics_to_cloudwatch_may(project):
    """And nobody else. A condition on the namespace would refuse OTLP, which has none.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html"""
    names = project.templates["booking"]["Parameters"]["MetricsExporter"]["AllowedValues"]
    choices = CHOICES + [{"Exporter": "custom", "MetricsExporter": each} for each in names] + WITHOUT_METRICS
    for where, function, _, allowed, sends in _functions(project, choices, "OTEL_METRICS_EXPORTER", "cloudwatch-otlp", "/monitoring."):
        allowed = {action for action in allowed if action == "cloudwatch:PutMetricData"}
        yield from _compared(where, allowed, {"cloudwatch:PutMetricData"} if sends else set())
        for statement in function_statements(function):
            if "cloudwatch:PutMetricData" in statement["Action"] and statement.get("Condition"):
                yield f"{where}: the condition refuses OTLP"


@check
def who_wants_no_metrics_sends_none(project):
    for where, _, variables, _, _ in _functions(project, WITHOUT_METRICS, "OTEL_METRICS_EXPORTER", "cloudwatch-otlp", "/monitoring."):
        if variables["OTEL_METRICS_EXPORTER"] != "none":
            yield f"{where}: it sends metrics"


@check
def log_records_are_sent_to_somebody_who_takes_them(project):
    """A collector needs a log group for them, and no template names one to it; without a collector nobody listens in the sandbox."""
    declared = project.templates["booking"]["Parameters"]
    here = declared["OtlpEndpoint"]["Default"]
    for exporter, names, endpoint, layer in itertools.product(
        declared["Exporter"]["AllowedValues"], declared["LogsExporter"]["AllowedValues"], (here, "https://telemetry.example.com"), (LAYER, "")
    ):
        choice = {"Exporter": exporter, "LogsExporter": names, "OtlpEndpoint": endpoint, "CollectorLayerArn": layer}
        taken = names == "console" or exporter not in project.collectors and bool(layer or endpoint != here)
        for label, stack in project.stacks({**EVERYTHING, **choice}):
            if "LogsExporter" in stack.template.get("Parameters", {}) and taken == bool(list(stack.refused())):
                yield f"{label}: {'refuses' if taken else 'takes'} {choice}"


def _compared(where, allowed, needed):
    for action in sorted(needed - allowed):
        yield f"{where} it needs {action}"
    for action in sorted(allowed - needed):
        yield f"{where} it needs no {action}"


def _functions(project, choices, variable, exporter, host):
    """Each function that has this variable, as it is deployed with each of the choices: what it may, and whether it sends to this host of
    AWS's, itself by that exporter or through the collector in its sandbox."""
    for choice in choices:
        how = " ".join(value for name, value in choice.items() if name != "CollectorLayerArn")
        for label, stack in project.stacks({**EVERYTHING, **choice, "TenantIsolationMode": "function"}):
            common = stack.resolve(stack.template.get("Globals", {}).get("Function", {}))
            for name, properties in stack.resources("AWS::Serverless::Function"):
                variables = {**_variables(common), **_variables(properties)}
                allowed = {action for statement in function_statements(properties) for action in statement["Action"]}
                if variable not in variables:
                    continue
                names = variables[variable].split(",")
                sends = exporter in names or "otlp" in names and _collects(project, choice["Exporter"], variables, host)
                yield f"{label} {name}: with {how}", {**common, **properties}, variables, allowed, sends


def _variables(properties):
    return properties.get("Environment", {}).get("Variables", {})


def _collects(project, exporter, variables, host):
    if "OPENTELEMETRY_COLLECTOR_CONFIG_URI" not in variables:
        return False
    config = project.collectors[exporter]
    used = {name for pipeline in config["service"]["pipelines"].values() for name in pipeline["exporters"]}
    return any(host in str(settings) for name, settings in config["exporters"].items() if name in used)
