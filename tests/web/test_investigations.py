"""An operator saves what a page shows, writes down what they find, and takes it along: on a phone, with and without scripts."""

import json
import time
import urllib.request
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from bookings import BOOKING, KINDS, attributes
from troubles import watch

NOTE = "One user, 3 numbers.\n<script>alert('x')</script> **not bold**"


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request, browser, control_plane):
    """A phone at a control plane that has been told of three refusals."""
    spans = [refused(number) for number in range(3)]
    group = {"resource": {"attributes": attributes({"service.name": "booking-api", "cloud.account.id": BOOKING})}, "scopeSpans": [{"spans": spans}]}
    body = json.dumps({"resourceSpans": [group]}).encode()
    urllib.request.urlopen(urllib.request.Request(control_plane.url + "/v1/traces", body, {"content-type": "application/json"}), timeout=60).close()
    context = browser.new_context(base_url=control_plane.url, viewport={"width": 390, "height": 844}, java_script_enabled=request.param)
    page = watch(context.new_page())
    yield page
    context.close()
    assert not page.troubles.errors


def refused(number: int) -> dict:
    """A booking that somebody of acme looked for and did not find."""
    start = time.time_ns() - 60 * 10**9 + number
    answered = {"http.request.method": "GET", "http.response.status_code": 404, "problem.code": "no_such_booking"}
    own = {"tenant.id": "acme", "tenant.tier": "basic", "aws.xray.annotations": ["tenant.id", "tenant.tier"], "enduser.id": "eve"}
    return {
        "traceId": uuid.uuid4().hex,
        "spanId": uuid.uuid4().hex[:16],
        "name": "GET /bookings/{number}",
        "kind": KINDS["SERVER"],
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**6),
        "attributes": attributes(own | answered),
    }


def fits(page):
    """Nothing scrolls sideways."""
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_what_a_page_shows_is_saved_written_on_and_taken_along(page):
    page.goto("/turned-away?tenant=acme&reason=no_such_booking&window=15m")
    page.get_by_text("Save as an investigation…").click()
    fits(page)
    page.get_by_label("Title").fill("Who is guessing <b>?")
    page.get_by_role("button", name="Save as an investigation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is guessing <b>?")
    expect(page.get_by_role("main")).to_contain_text("by loopback")
    here = page.url

    # The same view again, over the same minutes whenever it is opened.
    page.get_by_text("Saved page:").get_by_role("link").click()
    page.wait_for_url(lambda url: "/turned-away?" in url)
    query = parse_qs(urlsplit(page.url).query)
    assert (query["tenant"], query["reason"], "window" in query, len(query["from"] + query["to"])) == (["acme"], ["no_such_booking"], False, 2)
    expect(page.get_by_role("status")).to_contain_text("3 requests were refused")

    page.goto(here)
    page.get_by_text("Add a note…").click()
    page.get_by_label("Note").fill(NOTE)
    page.get_by_role("button", name="Add a note").click()
    expect(page.get_by_role("list").get_by_text("One user, 3 numbers.")).to_have_text(NOTE)
    fits(page)

    page.get_by_text("Close…").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("main")).to_contain_text("closed")
    expect(page.get_by_text("Add a note…")).to_have_count(0)

    markdown, exported = (page.request.get(page.get_by_role("link", name=f"Export as {form}").get_attribute("href")) for form in ("Markdown", "JSON"))
    assert "    <script>alert('x')</script> **not bold**" in markdown.text()
    matches = exported.json()["matches"]
    assert (matches["traces"]["matched"], len(matches["traces"]["trace_ids"]), matches["refusals"]["requests"]) == (3, 3, 3)

    page.get_by_role("link", name="Investigations", exact=True).click()
    page.get_by_label("That name this tenant").fill("acme")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Who is guessing <b>?")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Who is guessing <b>?").click()
    page.get_by_text("Erase…").click()
    erase = page.get_by_role("button", name="Erase")
    erase.click()
    # Not before it is meant.
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is guessing <b>?")
    page.get_by_label("Erase this investigation").check()
    erase.click()
    expect(page.get_by_role("main")).to_contain_text("There is no investigation.")


@pytest.mark.parametrize("path", ["/traces?tenant=acme", "/why?tenant=acme", "/groups?by=span.name", "/tenant?id=acme"])
def test_every_page_with_a_filter_can_be_saved(page, path):
    page.goto(path)
    page.get_by_text("Save as an investigation…").click()
    page.get_by_label("Title").fill("Looked at it")
    page.get_by_role("button", name="Save as an investigation").click()
    saved = page.get_by_text("Saved page:").get_by_role("link")
    assert saved.get_attribute("href").startswith(f"{path}&from=")
    assert page.request.get(page.get_by_role("link", name="Export as JSON").get_attribute("href")).json()["matches"]["traces"]["matched"] == 3
