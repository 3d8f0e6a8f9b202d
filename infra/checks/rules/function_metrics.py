"""What functions measure of themselves (docs/telemetry.md): dashboards and alarms ask CloudWatch for what the embedded metric format makes of it.

A metric's namespace is the functions' `service.namespace`; its dimensions are `service.name` and all attributes of the point."""

import re

from project import EVERYTHING, FUNCTIONS, ROOT

from .reading import existing, widgets
from .registered import check
from .spans import CHOICES

SERVICE = "service.name"
# What a point has in some cases and not in others: a metric with it goes by no name that an alarm could know.
SOMETIMES = {"tenant.id", "error.type"}
SELECT = re.compile(r'SELECT (?:AVG|COUNT|MAX|MIN|SUM)\("([^"]+)"\) FROM (\w+)(?: GROUP BY "([^"]+)")?')
SEARCH = re.compile(r"SEARCH\('Namespace=\"(\w+)\" MetricName=\"([^\"]+)\"', '(?:Sum|Average|Minimum|Maximum|p\d{1,2})'\)")


@check
def dashboards_ask_for_what_functions_measure(project):
    told, namespaces = _told(), {namespace for _, namespace, _ in _functions(project, EVERYTHING)}
    asked = set()
    for label, name, widget in widgets(project):
        for metric in widget["properties"].get("metrics", []):
            expression = (metric[-1] if isinstance(metric[-1], dict) else {}).get("expression", "")
            if not expression.startswith(("SELECT", "SEARCH")):
                continue
            selected, searched = SELECT.fullmatch(expression), SEARCH.fullmatch(expression)
            if not selected and not searched:
                yield f"{label} {name}: is no query that CloudWatch takes: {expression}"
                continue
            metric, namespace, by = selected.groups() if selected else (searched[2], searched[1], None)
            asked.add(metric)
            if namespace not in namespaces:
                yield f"{label} {name}: no function has the service.namespace {namespace}"
            if metric not in told:
                yield f"{label} {name}: no function measures {metric}"
            elif by and by not in {SERVICE} | told[metric]:
                yield f"{label} {name}: {metric} has no {by}"
    for metric in ("faas.invocations", "faas.errors", "faas.timeouts", "faas.coldstarts", "faas.init_duration", "faas.mem_usage",
                   "http.server.request.duration", "messaging.process.age", "messaging.client.redelivered.messages"):
        if metric not in asked:
            yield f"no widget shows {metric}"


@check
def alarms_on_what_functions_measure_name_it_whole(project):
    """An alarm takes no search: it names each dimension with its value, as the function writes it, and is there if the function does."""
    told, queues = _told(), existing(project)["QueueName"]
    names = project.templates["booking"]["Parameters"]["MetricsExporter"]["AllowedValues"]
    for choice in CHOICES + [{"Exporter": "custom", "MetricsExporter": each} for each in names]:
        parameters = {**EVERYTHING, **choice}
        functions = {(account, service): (namespace, exporters) for account, namespace, (service, exporters) in _functions(project, parameters)}
        watched = set()
        for where, account, metric in _alarmed(project, parameters, {namespace for namespace, _ in functions.values()}):
            measured, values = metric["MetricName"], {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            service, attributes = values.get(SERVICE), told.get(measured, SOMETIMES)
            namespace, exporters = functions.get((account, service), ("", ""))
            watched.add((account, measured, service))
            if namespace != metric["Namespace"] or "emf" not in exporters.split(","):
                yield f"{where}: with {choice} {service} does not write {measured} in {metric['Namespace']}"
            if attributes & SOMETIMES or values.keys() != {SERVICE} | attributes:
                yield f"{where}: {measured} has not just the dimensions {', '.join(values)}"
            if "faas.trigger" in values and values["faas.trigger"] != _trigger(project, service):
                yield f"{where}: {service} is not invoked by {values['faas.trigger']}"
            if "messaging.destination.name" in values and (account, values["messaging.destination.name"]) not in queues:
                yield f"{where}: there is no queue {values['messaging.destination.name']}"
        for (account, service), (_, exporters) in functions.items():
            if "emf" in exporters.split(",") and (account, "faas.mem_usage", service) not in watched:
                yield f"{service}: with {choice} no alarm watches its memory"


@check
def a_sandbox_of_one_tenant_names_nobody_in_metrics(project):
    """It would name its tenant as the busiest, and all sandboxes together every tenant: METRICS_TENANT=top has no bound there."""
    for label, stack in project.stacks({**EVERYTHING, "TenantIsolationMode": "function", "MetricsTenant": "top"}):
        for name, properties, variables in _environments(stack):
            if "TenancyConfig" in properties and variables.get("METRICS_TENANT", "none") != "none":
                yield f"{label} {name}: has METRICS_TENANT={variables['METRICS_TENANT']}"


def _alarmed(project, parameters, namespaces):
    """Place, account and metric of each alarm on a metric in one of these namespaces."""
    for label, stack, name, properties in project.resources("AWS::CloudWatch::Alarm", parameters=parameters):
        measured = [metric["MetricStat"]["Metric"] for metric in properties.get("Metrics", []) if "MetricStat" in metric]
        for metric in [properties, *measured]:
            if metric.get("Namespace") in namespaces:
                yield f"{label} {name}", stack.account, metric


def _told():
    """Each metric of the table, and the attributes of its points."""
    rows = [line.split("|") for line in (ROOT / "docs/telemetry.md").read_text().split("\n## Metrics\n")[1].split("\n## ")[0].splitlines()]
    cells = [(re.findall(r"`([^`]+)`", row[1]), set(re.findall(r"`([^`]+)`", row[4]))) for row in rows if len(row) == 6]
    return {metric: attributes for metrics, attributes in cells for metric in metrics}


def _functions(project, parameters):
    """Account, `service.namespace`, and name and exporters of metrics, of each function that has them."""
    for _, stack in project.stacks(parameters):
        for _, _, variables in _environments(stack):
            namespace = re.search(r"service\.namespace=([^,]+)", variables.get("OTEL_RESOURCE_ATTRIBUTES", ""))
            if namespace and "OTEL_METRICS_EXPORTER" in variables:
                yield stack.account, namespace[1], (variables["OTEL_SERVICE_NAME"], variables["OTEL_METRICS_EXPORTER"])


def _environments(stack):
    """Name, properties and variables of each function."""
    common = stack.resolve(stack.template.get("Globals", {}).get("Function", {})).get("Environment", {}).get("Variables", {})
    for name, properties in stack.resources("AWS::Serverless::Function"):
        yield name, properties, {**common, **properties.get("Environment", {}).get("Variables", {})}


def _trigger(project, service):
    """What its `main` says; an API's says nothing."""
    main = FUNCTIONS[service][2]
    source = next((files[main] for files in project.sources.values() if main in files), "")
    said = re.search(r'InvocationLayer::new\("(\w+)"\)', source)
    return said[1] if said else "http"
