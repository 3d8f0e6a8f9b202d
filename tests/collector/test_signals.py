"""Both configurations: metrics and log records beside spans, as a function sends them, to CloudWatch's OTLP endpoints and to a vendor."""

import gzip
import hashlib

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from collector import CREDENTIALS
from sigv4 import service_signed_for

SALT = "a-salt-of-this-stage"
TIME = "1764200000000000000"
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "booking-api"}}]}


def attributes(**named):
    return [{"key": name.replace("_", "."), "value": {"stringValue": value}} for name, value in named.items()]


def point(tenant, number):
    return {"attributes": attributes(faas_trigger="http", tenant_id=tenant), "startTimeUnixNano": TIME, "timeUnixNano": TIME, "asInt": number}


# With METRICS_TENANT=top, and a line with LOG_TENANT=plain: all that they may say.
METRICS = {
    "resourceMetrics": [
        {
            "resource": RESOURCE,
            "scopeMetrics": [
                {
                    "scope": {"name": "tenant-telemetry"},
                    "metrics": [
                        {
                            "name": "faas.invocations",
                            "unit": "{invocation}",
                            "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point("acme", 3), point("(other)", 4)]},
                        }
                    ]
                }
            ],
        }
    ]
}
LOGS = {
    "resourceLogs": [
        {
            "resource": RESOURCE,
            "scopeLogs": [
                {
                    "scope": {"name": "tenant_telemetry::layers::http"},
                    "logRecords": [
                        {
                            "timeUnixNano": TIME,
                            "severityNumber": "SEVERITY_NUMBER_INFO",
                            "body": {"stringValue": "request served"},
                            "attributes": attributes(tenant_id="acme", enduser_id="user-of-acme"),
                        }
                    ]
                }
            ],
        }
    ]
}
KINDS = {"metrics": (ParseDict(METRICS, ExportMetricsServiceRequest()), "monitoring"), "logs": (ParseDict(LOGS, ExportLogsServiceRequest()), "logs")}


@pytest.fixture
def run(collector, stub):
    """Runs all three signals through a layer's collector; the stubs of CloudWatch's two endpoints, of the vendor and of X-Ray."""

    def run(layer, booking):
        stubs = {name: stub() for name in ("metrics", "logs", "vendor", "xray")}
        env = {
            "CLOUDWATCH_OTLP_ENDPOINT": f"{stubs['metrics'].url}/v1/metrics",
            "LOGS_OTLP_ENDPOINT": f"{stubs['logs'].url}/v1/logs",
            "OTLP_LOG_GROUP": "/aws/lambda/booking-api-dev",
            "OTLP_LOG_STREAM": "otlp",
            "XRAY_OTLP_ENDPOINT": f"{stubs['xray'].url}/v1/traces",
            "VENDOR_OTLP_ENDPOINT": stubs["vendor"].url,
            "TENANT_ID_SALT": SALT,
        }
        settings = {"exporters.awsxray.endpoint": stubs["xray"].url} if layer == "adot" else None
        running = collector(layer, env=env, settings=settings)
        running.wait_until_it_listens()
        for request in booking:
            running.send(request.SerializeToString())
        for signal, (request, _) in KINDS.items():
            running.send(request.SerializeToString(), signal)
        running.stop()
        return stubs

    return run


def received(requests, kind):
    assert all(request.headers["content-encoding"] == "gzip" for request in requests)
    return [kind.FromString(gzip.decompress(request.body)) for request in requests]


@pytest.mark.parametrize("layer", ["adot", "community"])
def test_cloudwatch_gets_metrics_and_log_records_signed(run, booking, layer):
    stubs = run(layer, booking)
    assert stubs["xray"].requests, "spans go on as before"
    for signal, (sent, service) in KINDS.items():
        requests = stubs[signal].requests
        assert [request.path for request in requests] == [f"/v1/{signal}"], signal
        key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        assert service_signed_for(requests[0], key, secret) == service
        assert received(requests, type(sent)) == [sent], "as it was sent"
    headers = stubs["logs"].requests[0].headers
    assert (headers["x-aws-log-group"], headers["x-aws-log-stream"]) == ("/aws/lambda/booking-api-dev", "otlp")


def test_a_vendor_gets_metrics_and_log_records_by_pseudonym(run, booking):
    requests = run("community", booking)["vendor"].requests
    assert {request.path for request in requests} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    (metrics,) = received([request for request in requests if request.path == "/v1/metrics"], ExportMetricsServiceRequest)
    (logs,) = received([request for request in requests if request.path == "/v1/logs"], ExportLogsServiceRequest)
    hashed = {plain: hashlib.sha256(f"{SALT}:{plain}".encode()).hexdigest() for plain in ("acme", "user-of-acme")}
    points = metrics.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
    named = [attribute.value.string_value for point in points for attribute in point.attributes if attribute.key == "tenant.id"]
    assert sorted(named) == sorted([hashed["acme"], "(other)"])
    (line,) = logs.resource_logs[0].scope_logs[0].log_records
    assert [attribute.value.string_value for attribute in line.attributes] == [hashed["acme"], hashed["user-of-acme"]]
    assert not any(b"acme" in gzip.decompress(request.body) for request in requests)
