"""A control plane with bookings and a trace of everything that OTLP has types for."""

import json
import time
import urllib.request

import pytest

import bookings
from control_plane import ControlPlane

SERVICE = "seat-maps"


def everything() -> dict:
    """A request to an intake: a span with each type of attribute, and one that failed, with links and events."""
    now = time.time_ns() - 60 * 10**9
    values = {
        "text": {"stringValue": 'Zürich → 成田 <b>"7A" & more</b>'},
        "whole": {"intValue": "-7"},
        "large": {"intValue": str(2**63 - 1)},
        "safe": {"intValue": str(2**53 - 1)},
        "fraction": {"doubleValue": 0.25},
        "truth": {"boolValue": False},
        "bytes": {"bytesValue": "+/8="},
        "list": {"arrayValue": {"values": [{"stringValue": 'a"b'}, {"intValue": "2"}, {"boolValue": True}]}},
        "object": {"kvlistValue": {"values": [{"key": "b", "value": {"doubleValue": 0.5}}, {"key": "a", "value": {"intValue": "1"}}]}},
        "empty": {"stringValue": ""},
    }
    attributes = [{"key": key, "value": value} for key, value in values.items()]

    def span(number, kind, more):
        own = {"traceId": "ab" * 16, "spanId": f"{number:016x}", "name": f"span {number}", "kind": kind, "attributes": attributes}
        return own | {"startTimeUnixNano": str(now + number * 10**6), "endTimeUnixNano": str(now + 30 * 10**6 + 999)} | more

    parent = f"{1:016x}"
    links = [
        {"traceId": "cd" * 16, "spanId": "ef" * 8},
        {"traceId": "ce" * 16, "spanId": "ee" * 8, "attributes": [{"key": "opentracing.ref_type", "value": {"stringValue": "child_of"}}]},
    ]
    to_parent = [{"traceId": "ab" * 16, "spanId": parent}]
    events = [
        {"name": "page read", "timeUnixNano": str(now + 5 * 10**6 + 7), "attributes": attributes},
        {"name": "again", "timeUnixNano": str(now + 6 * 10**6), "attributes": [{"key": "event", "value": {"stringValue": "named by itself"}}]},
    ]
    spans = [
        span(1, 2, {"traceState": "vendor=1"}),
        span(2, 3, {"parentSpanId": parent, "links": links, "events": events, "status": {"code": 2, "message": "too slow"}}),
        span(3, 4, {"parentSpanId": parent, "links": to_parent, "status": {"code": 1}}),
        span(4, 5, {"parentSpanId": parent}),
        span(5, 1, {"parentSpanId": parent}),
    ]
    scope = {"name": "tests", "version": "1.2", "attributes": attributes}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": SERVICE}}, *attributes]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory):
    """A control plane that has them."""
    server = ControlPlane(tmp_path_factory.mktemp("control-plane"))
    bookings.send(server.url)
    body = json.dumps(everything()).encode()
    request = urllib.request.Request(f"{server.url}/v1/traces", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer) == {}, "all of it is stored"
    yield server
    server.stop()
