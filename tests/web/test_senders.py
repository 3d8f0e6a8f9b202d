"""What an OpenTelemetry SDK sends arrives whole, whatever its language and protocol."""

import json

import pytest
from playwright.sync_api import expect

from journey import journey


@pytest.fixture(params=["python-protobuf", "javascript-protobuf", "javascript-json"])
def sender(request):
    """An SDK and its protocol, with its packages in place."""
    if request.param.startswith("javascript"):
        request.getfixturevalue("javascript_sdk")
    return request.param


def test_every_field_comes_back(control_plane, sender):
    """Ids, times, attributes with their types, events, links and status are read back as they were sent."""
    wanted = journey()
    ids = control_plane.send(wanted, sender)
    trace = control_plane.trace(ids["trace_id"])
    assert trace["trace_id"] == ids["trace_id"]
    assert trace["xray_trace_id"] == f"1-{ids['trace_id'][:8]}-{ids['trace_id'][8:]}"
    assert len(trace["spans"]) == len(wanted["spans"])
    spans = {span["name"]: span for span in trace["spans"]}
    for expected in wanted["spans"]:
        check_span(spans[expected["name"]], expected, ids["span_ids"], wanted["start_s"] * 10**9)
        check_resource(spans[expected["name"]], wanted["resource"], language=sender.split("-")[0])


def test_the_page_names_every_span(control_plane, page, sender):
    """Whoever opens the trace sees all its spans, by the names they were given."""
    wanted = journey()
    ids = control_plane.send(wanted, sender)
    page.goto(f"/traces/{ids['trace_id']}")
    for span in wanted["spans"]:
        expect(page.locator("body")).to_contain_text(span["name"], use_inner_text=True)


def check_span(span, expected, span_ids, start):
    assert span["span_id"] == span_ids[expected["name"]]
    assert span["parent_span_id"] == span_ids.get(expected["parent"])
    assert span["kind"] == expected["kind"]
    assert span["start_unix_ns"] == start + expected["start_ns"]
    assert span["duration_ns"] == expected["end_ns"] - expected["start_ns"]
    assert span["status"] == ("ERROR" if expected["error"] else "UNSET")
    assert span["error"] == expected["error"]
    assert span["tenant"] == expected["attributes"]["tenant.id"]
    assert span["tier"] == expected["attributes"]["tenant.tier"]
    assert typed(span["attributes"]) == typed(expected["attributes"])
    assert [{key: link[key] for key in ("trace_id", "span_id")} for link in span["links"]] == expected["links"]
    events = [event for event in span["events"] if event["name"] != "exception"]
    assert typed(events) == typed([
        {"name": event["name"], "time_unix_ns": start + event["time_ns"], "attributes": event["attributes"]}
        for event in expected["events"]
    ])
    check_exception([event for event in span["events"] if event["name"] == "exception"], expected["exception"], start)


def check_exception(events, expected, start):
    assert len(events) == (1 if expected else 0)
    for event in events:
        assert event["time_unix_ns"] == start + expected["time_ns"]
        assert event["attributes"]["exception.type"] == expected["type"]
        assert event["attributes"]["exception.message"] == expected["message"]
        assert expected["message"] in event["attributes"]["exception.stacktrace"]


def check_resource(span, expected, language):
    assert span["service"] == expected["service.name"]
    assert span["account"] == expected["cloud.account.id"]
    assert span["resource"].items() >= expected.items()
    assert span["resource"]["telemetry.sdk.language"] == {"python": "python", "javascript": "nodejs"}[language]


def typed(value):
    """As text: `1`, `1.0` and `true` are equal in Python, but not the same."""
    return json.dumps(value, sort_keys=True, indent=1)
