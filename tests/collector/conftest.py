"""A recorded booking, stubs, and collectors that end with their test."""

import json
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import Collector
from stubs import Stub


@pytest.fixture(scope="session")
def booking():
    """What the functions sent while one flight was booked (record.py), request by request."""
    requests = json.loads((Path(__file__).parent / "booking.json").read_text())
    return [ParseDict(request, ExportTraceServiceRequest()) for request in requests]


@pytest.fixture(scope="session")
def silent_booking(booking):
    """The same of a function that does not say what is to be annotated."""
    requests = [ExportTraceServiceRequest.FromString(request.SerializeToString()) for request in booking]
    for request in requests:
        for resource in request.resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                kept = [attribute for attribute in span.attributes if attribute.key != "aws.xray.annotations"]
                del span.attributes[:]
                span.attributes.extend(kept)
    return requests


@pytest.fixture
def stub():
    """Makes an HTTP server that keeps what it is sent."""
    stubs = []

    def make():
        stubs.append(Stub())
        return stubs[-1]

    yield make
    for made in stubs:
        made.close()


@pytest.fixture
def collector(tmp_path):
    """Starts a collector."""
    started = []

    def start(layer, **options):
        started.append(Collector(layer, tmp_path, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
