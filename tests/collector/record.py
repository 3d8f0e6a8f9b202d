"""Records booking.json: what the functions send while one flight is booked. Run it with .local/venv/bin/python after
`make build`, when what they send has changed. With `sizes` it says instead how many bytes of each signal a booking is.

It starts the local cloud with itself in the place of the control plane, books as the basic tenant, and keeps the requests of
that booking's trace.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from stubs import Stub

ROOT = Path(__file__).resolve().parents[2]
BOOKING = Path(__file__).parent / "booking.json"
SPANS = 6
# Bookings that are measured, one every half second.
MEASURED = 20


def intake(address, folder):
    """In the place of `control-plane serve --listen ADDRESS`: answers as it does and keeps what comes."""
    host, port = address.split(":")
    stub = Stub(host=host, port=int(port))
    kept = 0
    while os.getppid() != 1:
        time.sleep(0.05)
        for request in stub.requests[kept:]:
            if request.path.startswith("/v1/"):
                body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
                (folder / f"{kept:04}.{request.path.removeprefix('/v1/')}").write_bytes(body)
            kept += 1


def post(url, body, headers):
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer), answer.headers


def book(outputs):
    """Books as the first user; the trace id."""
    user = outputs["users"][0]
    answer, _ = post(
        outputs["aws_endpoint_url"],
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": outputs["user_pool_client_id"],
            "AuthParameters": {"USERNAME": user["username"], "PASSWORD": user["password"]},
        },
        {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth", "Content-Type": "application/x-amz-json-1.1"},
    )
    flight = {
        "from_airport": "LHR",
        "to_airport": "JFK",
        "departure_date": str(date.today() + timedelta(days=30)),
        "passenger_name": "Amelia Earhart",
    }
    token = answer["AuthenticationResult"]["IdToken"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    _, headers = post(f"{outputs['booking_url']}/bookings", flight, headers)
    return headers["traceparent"].split("-")[1]


def of_trace(folder, trace_id):
    """The requests that hold spans of this trace, with nothing else in them, and how many spans that is."""
    requests, count = [], 0
    for path in sorted(folder.glob("*.traces")):
        request = ExportTraceServiceRequest.FromString(path.read_bytes())
        spans = 0
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                kept = [span for span in scope.spans if span.trace_id.hex() == trace_id]
                del scope.spans[:]
                scope.spans.extend(kept)
                spans += len(kept)
        if spans:
            requests.append(request)
            count += spans
    return requests, count


@contextmanager
def local_cloud():
    """The local cloud; what it says of itself, and the folder with what its functions send."""
    with tempfile.TemporaryDirectory() as temporary:
        programs, received = Path(temporary, "programs"), Path(temporary, "received")
        programs.mkdir()
        received.mkdir()
        # `local` starts the programs that lie beside it.
        for name in ("local", "booking-api", "booking-publisher", "registration-api", "invitation-mail", "mileage-accrual", "mileage-api"):
            shutil.copy(ROOT / "target/debug" / name, programs)
        control_plane = programs / "control-plane"
        control_plane.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} intake "$3" {received}\n')
        control_plane.chmod(0o755)
        command = [programs / "local", "up", "--json", "--until-stdin-closes", "--port", "0", "--control-plane-port", "0"]
        cloud = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            yield json.loads(cloud.stdout.readline()), received
        finally:
            cloud.stdin.close()
            cloud.wait()


def record():
    with local_cloud() as (outputs, received):
        trace_id = book(outputs)
        for _ in range(600):
            requests, spans = of_trace(received, trace_id)
            if spans >= SPANS:
                break
            time.sleep(0.1)
        assert spans == SPANS, f"{spans} spans of trace {trace_id} came"
    BOOKING.write_text(json.dumps([MessageToDict(request) for request in requests], indent=1) + "\n")
    print(f"{BOOKING}: {spans} spans in {len(requests)} requests")


def sizes():
    """Of bookings after the first, whose functions are warm."""
    with local_cloud() as (outputs, received):
        book(outputs)
        time.sleep(6)
        for path in received.iterdir():
            path.unlink()
        for _ in range(MEASURED):
            book(outputs)
            time.sleep(0.5)
        time.sleep(6)
        for signal in ("traces", "metrics", "logs"):
            bodies = [path.read_bytes() for path in received.glob(f"*.{signal}")]
            print(f"{signal}: {sum(map(len, bodies)) / MEASURED:.0f} bytes of OTLP a booking")
            if signal == "metrics":
                points = [point for body in bodies for point in points_of(ExportMetricsServiceRequest.FromString(body))]
                series = {(service, metric, attributes) for service, metric, attributes, _ in points}
                billed = sum(size for *_, size in points)
                print(f"  {len(points) / MEASURED} points of {len(series)} series, {billed / MEASURED:.0f} bytes as CloudWatch counts them")


def points_of(request):
    """Service, metric and attributes of each point, and its bytes with the metric's name and the resource's attributes:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/metrics-otel-pricing.html"""
    for resource in request.resource_metrics:
        named = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                attributes = tuple(sorted(attribute.SerializeToString() for attribute in point.attributes))
                size = point.ByteSize() + len(metric.name) + resource.resource.ByteSize()
                yield named["service.name"], metric.name, attributes, size


if __name__ == "__main__":
    if sys.argv[1:2] == ["intake"]:
        intake(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1:2] == ["sizes"]:
        sizes()
    else:
        record()
