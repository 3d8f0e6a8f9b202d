"""Whoever sends spans to X-Ray may."""

from project import EVERYTHING

from .reading import function_statements
from .registered import check

NEEDED = {"xray:PutSpans", "xray:PutSpansForIndexing"}
LAYER = "arn:aws:lambda:eu-west-1:444444444444:layer:collector:1"
CHOICES = [
    *({"Exporter": exporter, "CollectorLayerArn": LAYER} for exporter in ("adot", "community")),
    *({"Exporter": exporter} for exporter in ("direct", "udp")),
    *({"Exporter": "custom", "TracesExporter": names} for names in ("otlp", "xray-otlp", "xray-udp", "none", "otlp,xray-otlp", "xray-udp,xray-otlp")),
]


@check
def who_sends_spans_to_xray_may(project):
    """And nobody else: by OTLP it takes a permission that AWSXrayWriteOnlyAccess does not name, as segments one that comes with `Tracing`.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html"""
    for choice in CHOICES:
        how = choice.get("TracesExporter", choice["Exporter"])
        for label, stack in project.stacks({**EVERYTHING, **choice, "TenantIsolationMode": "function"}):
            common = stack.resolve(stack.template.get("Globals", {}).get("Function", {}))
            for name, properties in stack.resources("AWS::Serverless::Function"):
                variables = {**_variables(common), **_variables(properties)}
                sends = _posts_spans(project, choice["Exporter"], variables)
                allowed = {action for statement in function_statements(properties) for action in statement["Action"] if action.startswith("xray:")}
                for action in sorted(NEEDED - allowed if sends else ()):
                    yield f"{label} {name}: with {how} it needs {action}"
                for action in sorted(allowed - (NEEDED if sends else set())):
                    yield f"{label} {name}: with {how} it needs no {action}"
                if variables.get("OTEL_TRACES_EXPORTER") != "none" and not (properties.get("Tracing") or common.get("Tracing")):
                    yield f"{label} {name}: without Tracing it may send no segments"


def _variables(properties):
    return properties.get("Environment", {}).get("Variables", {})


def _posts_spans(project, exporter, variables):
    """Whether spans go to X-Ray's OTLP endpoint, from the function itself or from the collector in its sandbox."""
    if "xray-otlp" in variables.get("OTEL_TRACES_EXPORTER", "").split(","):
        return True
    if "OPENTELEMETRY_COLLECTOR_CONFIG_URI" not in variables:
        return False
    exporters = project.collectors[exporter]["exporters"].values()
    return any("/xray." in str((settings or {}).get("traces_endpoint", "")) for settings in exporters)
