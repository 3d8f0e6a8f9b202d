"""Requests and calls by any attribute: which table or version is slow for a tenant, and whether it was before."""

import json
import re
import time
import urllib.request
import uuid

import pytest
from playwright.sync_api import expect

from bookings import BOOKING, KINDS, attributes

TABLES = ["seats-1", "seats-2"]
# In each half hour.
REQUESTS = 60


def traces(version: str, ago: int, slow_ms: int) -> list:
    """Half an hour of requests that began so many seconds ago; every third is for globex, every second call is of the second table."""
    spans = []
    for number in range(REQUESTS):
        start = time.time_ns() - (ago - number * 1_800 // REQUESTS) * 10**9
        table = TABLES[number % 2]
        took = slow_ms if table == TABLES[1] else 20
        own = {"tenant.id": "globex" if number % 3 == 0 else "acme", "cloud.account.id": BOOKING}
        trace, request = uuid.uuid4().hex, uuid.uuid4().hex[:16]

        def span(span_id, parent, name, kind, milliseconds, more):
            return {
                "traceId": trace, "spanId": span_id, "parentSpanId": parent, "name": name, "kind": KINDS[kind],
                "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + milliseconds * 10**6),
                "attributes": attributes(own | more),
            }

        spans.append(span(request, "", "POST /bookings", "SERVER", took + 10, {"http.route": "/bookings"}))
        spans.append(span(uuid.uuid4().hex[:16], request, "DynamoDB.Query", "CLIENT", took, {"aws.dynamodb.table_names": [table]}))
    resource = {"attributes": attributes({"service.name": "booking-api", "service.version": version})}
    return [{"resource": resource, "scopeSpans": [{"spans": spans}]}]


@pytest.fixture(autouse=True)
def an_hour(control_plane):
    """Version 1 for half an hour, then version 2, with which calls of one table are slow."""
    body = {"resourceSpans": traces("1", 3_590, 20) + traces("2", 1_790, 900)}
    request = urllib.request.Request(f"{control_plane.url}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer) == {}


def row(page, value):
    """The cells of a value."""
    named = page.get_by_role("link", name=value, exact=True)
    return page.get_by_role("region", name="Values").locator("tr", has=named).locator("td")


@pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_which_table_is_slow_and_was_it_before(page):
    """The tenant's calls by table: the slow one is marked beside its p99 of the half hour before, and leads to its traces."""
    page.goto("/groups?window=30m&tenant=globex")
    page.get_by_label("Attribute").fill("aws.dynamodb.table_names")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_contain_text("No request carries aws.dynamodb.table_names")
    # 20 ms, within the 5 % that percentiles are.
    expect(row(page, "seats-1")).to_have_text(["seats-1", "10", "10", "0.3/min", "0 %", "0 %", *["20.8 ms"] * 4])
    slow = row(page, "seats-2")
    assert 860 < float(slow.nth(8).inner_text().removesuffix(" ms")) < 940
    expect(slow.nth(9)).to_have_text("20.8 ms")
    expect(page.get_by_role("img", name=re.compile("^p99 over time, up to [89].. ms"))).to_be_visible()
    link = slow.first.get_by_role("link").get_attribute("href")
    assert "tenant=globex" in link and "window=30m" in link and "attribute%5Baws.dynamodb.table_names%5D" in link
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_what_the_sender_says_counts_for_its_requests(page):
    """By version: the one that is new was not there before; what is much slower than before is marked."""
    page.goto("/groups?window=30m&by=service.version")
    expect(page.get_by_role("status")).to_contain_text("Requests, and messages that were handled, by service.version")
    expect(row(page, "2").nth(1)).to_have_text("60")
    expect(row(page, "2").nth(2)).to_have_text("0")
    page.goto("/groups?window=30m&by=span.name")
    expect(row(page, "POST /bookings").nth(8)).to_have_class(re.compile("fault"))
    # On the day before there was nobody.
    page.get_by_label("Compare with").select_option("day")
    page.get_by_role("button", name="Show").click()
    expect(row(page, "POST /bookings").nth(2)).to_have_text("0")
    expect(row(page, "POST /bookings").nth(8)).not_to_have_class(re.compile("fault"))


def test_one_learns_which_attributes_there_are(page):
    """The field offers the names that spans and senders have; without one, a few are suggested."""
    page.goto("/groups?window=1h")
    offered = page.locator("#attributes option").evaluate_all("options => options.map(option => option.value)")
    assert {"aws.dynamodb.table_names", "http.route", "service.version", "tenant.id"} <= set(offered)
    page.get_by_role("link", name="span.name").click()
    expect(row(page, "POST /bookings").nth(1)).to_have_text(str(2 * REQUESTS))
    assert "window=1h" in page.url
    page.goto("/groups?by=nobody.says&window=1h")
    expect(page.get_by_role("main")).to_contain_text("Nothing in this window carries nobody.says")
