"""Metrics and log lines as functions send them, over OTLP/HTTP in JSON."""

import base64
import json
import time
import urllib.request

import bookings

MINUTE = 60 * 10**9
MIB = 1024 * 1024
# Bounds of the functions' histograms: seconds, seconds of messages, bytes.
DURATIONS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
AGES = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300]
MEMORY = [16 * MIB, 32 * MIB, 64 * MIB, 128 * MIB, 256 * MIB, 512 * MIB]
LIMIT = 256 * MIB


def counted(name, unit, number, at, more=None):
    """A sum of what was counted in the minute before a moment, ns."""
    point = {"asInt": str(number), "startTimeUnixNano": str(at - MINUTE), "timeUnixNano": str(at), "attributes": bookings.attributes(more or {})}
    return {"name": name, "unit": unit, "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point]}}


def measured(name, unit, values, bounds, at, more=None, exemplar=None):
    """A histogram of what was measured in it; an exemplar is a trace, a span and a value."""
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[sum(bound < value for bound in bounds)] += 1
    point = {
        "startTimeUnixNano": str(at - MINUTE),
        "timeUnixNano": str(at),
        "attributes": bookings.attributes(more or {}),
        "count": str(len(values)),
        "sum": sum(values),
        "min": min(values),
        "max": max(values),
        "explicitBounds": bounds,
        "bucketCounts": [str(count) for count in counts],
    }
    if exemplar:
        trace, span, value = exemplar
        point["exemplars"] = [{"traceId": trace, "spanId": span, "asDouble": value, "timeUnixNano": str(at - MINUTE // 2)}]
    return {"name": name, "unit": unit, "histogram": {"aggregationTemporality": 1, "dataPoints": [point]}}


def minute(number, at, exemplar=None, messages=False):
    """What a function counted and measured in one minute of its life: it starts in every fifth, and is slow where it has an exemplar."""
    cold = number % 5 == 0
    took = [0.04 + 0.002 * (each + number % 3) for each in range(20)] + ([exemplar[2]] if exemplar else [])
    metrics = [
        counted("faas.invocations", "{invocation}", 20, at, {"faas.trigger": "http"}),
        measured("faas.invoke_duration", "s", took, DURATIONS, at, {"faas.trigger": "http"}, exemplar),
        measured("faas.mem_usage", "By", [(90 + number) * MIB, (91 + number) * MIB], MEMORY, at),
        measured("faas.cpu_usage", "s", [0.004, 0.006], DURATIONS, at),
        measured("http.server.request.duration", "s", took, DURATIONS, at, {"http.response.status_code": 201}),
    ]
    if number % 4 == 0:
        metrics.append(counted("faas.errors", "{error}", 1, at, {"error.type": "500"}))
    if number % 7 == 0:
        metrics.append(measured("http.server.request.duration", "s", [0.001], DURATIONS, at, {"http.response.status_code": 429}))
    if cold:
        metrics.append(counted("faas.coldstarts", "{coldstart}", 2, at))
        metrics.append(measured("faas.init_duration", "s", [0.08, 0.11], DURATIONS, at))
    if messages:
        age = [0.2, 0.4, 3.0 if number % 6 == 0 else 0.5]
        metrics.append(measured("messaging.process.age", "s", age, AGES, at, {"messaging.destination.name": "accrual"}))
        if number % 6 == 0:
            metrics.append(counted("messaging.client.redelivered.messages", "{message}", 1, at, {"messaging.destination.name": "accrual"}))
    return metrics


def send(url, service, account, until=None, minutes=40, exemplar=None, messages=False):
    """Sends the minutes of a service up to a moment, ns; the one before the last leads to the trace of an exemplar."""
    until = until or time.time_ns()
    resource = {"service.name": service, "cloud.account.id": account, "faas.name": service, "faas.max_memory": LIMIT}
    metrics = []
    for number in range(minutes):
        metrics += minute(number, until - (minutes - 1 - number) * MINUTE, exemplar if number == minutes - 2 else None, messages)
    scope = {"scope": {"name": "tenant-telemetry"}, "metrics": metrics}
    post(f"{url}/v1/metrics", {"resourceMetrics": [{"resource": {"attributes": bookings.attributes(resource)}, "scopeMetrics": [scope]}]})


def send_named(url, service, account, tenants, until=None):
    """Sends how often a service served each tenant in the minute before a moment, ns, as with METRICS_TENANT=top."""
    until = until or time.time_ns()
    points = [counted("faas.invocations", "{invocation}", number, until, {"faas.trigger": "http", **({"tenant.id": tenant} if tenant else {})}) for tenant, number in tenants]
    resource = {"attributes": bookings.attributes({"service.name": service, "cloud.account.id": account})}
    post(f"{url}/v1/metrics", {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": points}]}]})


def log(url, service, account, lines, scope="booking::table"):
    """Sends lines of a scope: a trace, a span, a moment in ns, the number of a severity, what was written, and more."""
    severities = {9: "INFO", 13: "WARN", 17: "ERROR"}
    records = [
        {
            "timeUnixNano": str(at),
            "severityNumber": severity,
            "severityText": severities[severity],
            "body": {"stringValue": text},
            "traceId": trace,
            "spanId": span,
            "attributes": bookings.attributes(more),
        }
        for trace, span, at, severity, text, more in lines
    ]
    resource = {"attributes": bookings.attributes({"service.name": service, "cloud.account.id": account})}
    post(f"{url}/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": scope}, "logRecords": records}]}]})


def refuse(url, api, account, refused):
    """Sends a batch of an API's access log: status, type of the error, address and how many of each."""
    lines = [
        json.dumps({"status": str(status), "integration_status": "-", "error": error, "address": address})
        for status, error, address, number in refused
        for _ in range(number)
    ]
    events = [{"id": str(number), "timestamp": time.time_ns() // 1_000_000, "message": line} for number, line in enumerate(lines)]
    batch = {"messageType": "DATA_MESSAGE", "owner": account, "logGroup": f"/aws/apigateway/{api}", "logEvents": events}
    delivery = {"requestId": "r", "timestamp": 1, "records": [{"data": base64.b64encode(json.dumps(batch).encode()).decode()}]}
    request = urllib.request.Request(f"{url}/v1/access-logs", json.dumps(delivery).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert "errorMessage" not in json.load(answer)


def post(url, body):
    """Sends a request of OTLP, all of which must be taken."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) == {}
