"""Requests and calls by any attribute: which table or version is slow for a tenant, and whether it was before."""

import re
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from bookings import BOOKING, KINDS, attributes, post

TABLES = ["seats-1", "seats-2"]
# In each half hour.
REQUESTS = 60
HALF_AN_HOUR = 1_800


def traces(version: str, begin: int, slow_ms: int) -> list:
    """Half an hour of requests from a Unix second on; every third is for globex, every second call is of the second table."""
    spans = []
    for number in range(REQUESTS):
        start = (begin + number * HALF_AN_HOUR // REQUESTS) * 10**9
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
    """Version 1 for half an hour, then version 2, with which calls of one table are slow. Its end, in Unix seconds."""
    end = int(time.time())
    first, second = traces("1", end - 2 * HALF_AN_HOUR, 20), traces("2", end - HALF_AN_HOUR, 900)
    post(control_plane.url, {"resourceSpans": first + second})
    return end


def window(end, seconds):
    """So many seconds before `end`, as a query: however long a test takes, its pages are about the same time."""
    begin, end = (datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for second in (end - seconds, end))
    return f"from={begin}&to={end}"


def begin_of(url):
    """When the window of a link or a page begins. A field of a form leaves out the zone, and seconds that are zero."""
    [begin] = parse_qs(urlsplit(url).query)["from"]
    return datetime.fromisoformat(begin.removesuffix("Z")).replace(tzinfo=UTC).timestamp()


def row(page, value):
    """The cells of a value."""
    named = page.get_by_role("link", name=value, exact=True)
    return page.get_by_role("region", name="Values").locator("tr", has=named).locator("td")


@pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_which_table_is_slow_and_was_it_before(page, an_hour):
    """The tenant's calls by table: the slow one is marked beside its p99 of the half hour before, and leads to its traces."""
    page.goto(f"/groups?{window(an_hour, HALF_AN_HOUR)}&tenant=globex")
    page.get_by_label("Attribute").fill("aws.dynamodb.table_names")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("status")).to_contain_text("No request carries aws.dynamodb.table_names")
    # 20 ms, within the 5 % that percentiles are.
    expect(row(page, "seats-1")).to_have_text(["seats-1", "10", "10", "0.3/min", "0 %", "0 %", *["20.8 ms"] * 4])
    slow = row(page, "seats-2")
    assert 860 < float(slow.nth(8).inner_text().removesuffix(" ms")) < 940
    expect(slow.nth(9)).to_have_text("20.8 ms")
    expect(page.get_by_role("slider", name=re.compile("^p99 over time, up to [89].. ms"))).to_be_visible()
    link = slow.first.get_by_role("link").get_attribute("href")
    assert "tenant=globex" in link and "attribute%5Baws.dynamodb.table_names%5D" in link
    assert begin_of(link) == an_hour - HALF_AN_HOUR
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_what_the_sender_says_counts_for_its_requests(page, an_hour):
    """By version: the one that is new was not there before; what is much slower than before is marked."""
    page.goto(f"/groups?{window(an_hour, HALF_AN_HOUR)}&by=service.version")
    expect(page.get_by_role("status")).to_contain_text("Requests, and messages that were handled, by service.version")
    expect(row(page, "2").nth(1)).to_have_text("60")
    expect(row(page, "2").nth(2)).to_have_text("0")
    page.goto(f"/groups?{window(an_hour, HALF_AN_HOUR)}&by=span.name")
    expect(row(page, "POST /bookings").nth(8)).to_have_class(re.compile("fault"))
    # On the day before there was nobody.
    page.get_by_label("Compare with").select_option("day")
    page.get_by_role("button", name="Show").click()
    expect(row(page, "POST /bookings").nth(2)).to_have_text("0")
    expect(row(page, "POST /bookings").nth(8)).not_to_have_class(re.compile("fault"))


def test_one_learns_which_attributes_there_are(page, an_hour):
    """The field offers the names that spans and senders have; without one, a few are suggested."""
    page.goto(f"/groups?{window(an_hour, 2 * HALF_AN_HOUR)}")
    offered = page.locator("#attributes option").evaluate_all("options => options.map(option => option.value)")
    assert {"aws.dynamodb.table_names", "http.route", "service.version", "tenant.id"} <= set(offered)
    page.get_by_role("link", name="span.name").click()
    expect(row(page, "POST /bookings").nth(1)).to_have_text(str(2 * REQUESTS))
    assert begin_of(page.url) == an_hour - 2 * HALF_AN_HOUR
    page.goto("/groups?by=nobody.says")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Nothing in this window carries this attribute\..*another attribute than nobody\.says"))
