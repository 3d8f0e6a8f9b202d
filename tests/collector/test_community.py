"""community.yaml: what X-Ray's OTLP endpoint gets of a booking, signed, and what a vendor gets, by pseudonym."""

import gzip
import hashlib

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import CREDENTIALS
from sigv4 import service_signed_for

SALT = "a-salt-of-this-stage"


def spans_of(requests):
    return [span for request in requests for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


def attributes(span):
    def plain(value):
        return [each.string_value for each in value.array_value.values] if value.HasField("array_value") else value.string_value

    return {attribute.key: plain(attribute.value) for attribute in span.attributes}


def bodies(stub):
    """What came, unpacked."""
    assert all(request.headers["content-encoding"] == "gzip" for request in stub.requests)
    return [gzip.decompress(request.body) for request in stub.requests]


def received(stub):
    return spans_of(ExportTraceServiceRequest.FromString(body) for body in bodies(stub))


@pytest.fixture
def run(collector, stub):
    """Runs requests through; what came to X-Ray and to the vendor."""

    def run(requests, **env):
        xray, vendor = stub(), stub()
        endpoints = {"XRAY_OTLP_ENDPOINT": f"{xray.url}/v1/traces", "VENDOR_OTLP_ENDPOINT": vendor.url}
        env = {name: value for name, value in {**endpoints, **env}.items() if value is not None}
        running = collector("community", env=env)
        running.wait_until_it_listens()
        for request in requests:
            running.send(request.SerializeToString())
        running.stop()
        run.log = running.log
        return xray, vendor

    return run


def test_xray_gets_the_booking_signed(run, booking):
    xray, _ = run(booking, TENANT_ID_SALT=SALT)
    assert xray.requests
    for request in xray.requests:
        key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
        assert request.path == "/v1/traces" and service_signed_for(request, key, secret) == "xray"
    sent, came = spans_of(booking), received(xray)
    assert sorted(span.span_id for span in came) == sorted(span.span_id for span in sent)
    for span in came:
        known = attributes(span)
        assert (known["tenant.id"], known["tenant.tier"]) == ("acme", "basic"), "X-Ray knows tenants by name"
        assert known["aws.xray.annotations"] == ["tenant.id", "tenant.tier", "booking.number"]


def test_tenants_are_annotations_even_if_the_function_does_not_say_so(run, silent_booking):
    xray, _ = run(silent_booking)
    assert [attributes(span)["aws.xray.annotations"] for span in received(xray)] == [["tenant.id", "tenant.tier"]] * 6


def test_a_vendor_gets_pseudonyms_alone(run, booking):
    spans_of(booking)[0].attributes.add(key="client.network").value.string_value = "203.0.113.0/24"
    _, vendor = run(booking, TENANT_ID_SALT=SALT, VENDOR_OTLP_AUTHORIZATION="Bearer of-the-vendor")
    assert {(request.path, request.headers["authorization"]) for request in vendor.requests} == {("/v1/traces", "Bearer of-the-vendor")}
    sent = {span.span_id: attributes(span) for span in spans_of(booking)}
    came = received(vendor)
    assert {span.span_id for span in came} == set(sent)
    for span in came:
        known = attributes(span)
        for name in {"tenant.id", "enduser.id", "booking.number"} | ({"client.network"} & set(sent[span.span_id])):
            plain = sent[span.span_id][name]
            assert known[name] == hashlib.sha256(f"{SALT}:{plain}".encode()).hexdigest(), name
        assert known["tenant.tier"] == "basic"
        assert not {"url.full", "url.path", "url.query", "aws.xray.annotations"} & set(known)
    plain_ids = {known[name].encode() for known in sent.values() for name in ("tenant.id", "enduser.id", "booking.number")}
    plain_ids.add(b"203.0.113.0/24")
    assert len(plain_ids) == 4
    for body in bodies(vendor):
        assert not any(plain in body for plain in plain_ids | {SALT.encode()})


@pytest.mark.parametrize("missing", ["TENANT_ID_SALT", "VENDOR_OTLP_ENDPOINT"])
def test_without_salt_or_endpoint_nothing_leaves(run, booking, missing):
    xray, vendor = run(booking, **{"TENANT_ID_SALT": SALT, missing: None})
    assert received(xray) and not vendor.requests
    assert "localhost:9" not in run.log, "it tried to send to the vendor that is nobody"
