"""adot.yaml: the segments of a booking, and what X-Ray draws of them."""

import json

import pytest


@pytest.fixture
def run(collector, stub):
    """Runs requests through; the segments that X-Ray gets."""

    def run(requests):
        xray = stub()
        running = collector("adot", settings={"exporters.awsxray.endpoint": xray.url})
        running.wait_until_it_listens()
        for request in requests:
            running.send(request.SerializeToString())
        running.stop()
        assert {request.path for request in xray.requests} == {"/TraceSegments"}, running.log
        return [json.loads(document) for request in xray.requests for document in json.loads(request.body)["TraceSegmentDocuments"]]

    return run


@pytest.fixture
def segments(run, booking):
    """Those of a booking."""
    return run(booking)


def test_a_booking_is_one_trace_of_segments(segments, booking):
    spans = [span for request in booking for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    trace_id = spans[0].trace_id.hex()
    assert {segment["trace_id"] for segment in segments} == {f"1-{trace_id[:8]}-{trace_id[8:]}"}
    ids = {segment["id"] for segment in segments}
    assert {span.span_id.hex() for span in spans} <= ids
    roots = [segment for segment in segments if segment.get("parent_id") not in ids]
    assert [root["name"] for root in roots] == ["booking-api"]


def annotations(booking):
    """What X-Ray is to know each segment of a booking by."""
    spans = [span for request in booking for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    (number,) = {attribute.value.string_value for span in spans for attribute in span.attributes if attribute.key == "booking.number"}
    return {"tenant.id": "acme", "tenant.tier": "basic", "booking.number": number}


def test_tenants_and_bookings_are_annotations(segments, booking):
    for segment in segments:
        assert segment["annotations"] == annotations(booking), segment["name"]


def test_they_are_even_if_the_function_does_not_say_so(run, silent_booking):
    for segment in run(silent_booking):
        assert segment["annotations"] == annotations(silent_booking), segment["name"]


def test_xray_draws_a_node_for_each_service_and_resource(segments):
    """A service's node is a segment of its own; a resource's is a subsegment in the namespace aws. Of a consumer the exporter
    makes both: its service's segment, and below it a subsegment that X-Ray draws as the remote it takes messages from."""
    services = {segment["name"] for segment in segments if segment.get("type") != "subsegment"}
    assert services == {"booking-api", "booking-publisher", "mileage-accrual"}
    others = [(segment["name"], segment.get("namespace")) for segment in segments if segment.get("type") == "subsegment"]
    assert sorted(others) == [
        ("DynamoDB", "aws"),
        ("DynamoDB", "aws"),
        ("SNS", "aws"),
        ("process mileage-bookings-local", "remote"),
        ("process reservations-local", "remote"),
    ]
    # X-Ray knows no origin for a function that a collector reports: it draws a service.
    assert not any("origin" in segment for segment in segments)


def test_the_request_and_the_table_are_named(segments):
    (request,) = [segment for segment in segments if segment["name"] == "booking-api"]
    assert request["http"]["request"]["method"] == "POST" and request["http"]["response"]["status"] == 201
    tables = {segment["aws"]["table_name"] for segment in segments if segment["name"] == "DynamoDB"}
    assert tables == {"reservations-local", "mileage-ledger-local"}
