"""What is told of a trace and of the chosen span: its panel, links to other spans and traces, what is copied and what is downloaded."""

import json
import re

import pytest
from playwright.sync_api import expect

import waterfalls
from control_plane import ControlPlane
from trace_page import opened, row
from waterfalls import LINKING, TRACE, span_id

THROTTLED, RETRIED, ACCRUAL = (span_id(number) for number in (3, 4, 10))


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    """A control plane that knows a booking, and the trace that links to it."""
    server = ControlPlane(tmp_path_factory.mktemp("span"))
    waterfalls.send(server.url, waterfalls.booking, waterfalls.linking)
    yield server
    server.stop()


def test_the_panel_has_all_that_a_span_carries(page):
    """Attributes that can be narrowed and searched for, who sent it, its events; its address is that of the page, so that it can be sent to somebody."""
    opened(page)
    row(page, THROTTLED).click()
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel.get_by_role("heading", level=2)).to_have_text("DynamoDB.TransactWriteItems")
    expect(panel).to_contain_text("✘ ThrottlingException: the table is at its limit")
    expect(panel.get_by_role("region", name="Events")).to_contain_text("exception after 73.0 ms")
    expect(panel.get_by_role("region", name="Sender").get_by_role("row", name=re.compile("service.version"))).to_contain_text("7.1")
    attributes = panel.get_by_role("region", name="Attributes")
    panel.get_by_label("Filter attributes").fill("collection")
    expect(attributes.get_by_role("row")).to_have_count(1)
    assert page.url.endswith(f"?span={THROTTLED}")
    page.reload()
    expect(panel.get_by_role("heading", level=2)).to_have_text("DynamoDB.TransactWriteItems")
    expect(row(page, THROTTLED)).to_have_attribute("aria-selected", "true")
    attributes.get_by_role("link", name="Search for this value of db.collection.name").click()
    expect(page.get_by_label("Filter expression, or a trace ID")).to_have_value('attribute[db.collection.name] = "reservations"')
    expect(page.get_by_role("status")).to_contain_text("1 of ")


def test_the_parent_is_a_click_away(page):
    """Its row comes into sight, whatever was folded."""
    opened(page, query=f"?span={span_id(7)}")
    page.get_by_role("button", name="Fold all", exact=True).click()
    panel = page.get_by_role("complementary", name="Chosen span")
    panel.get_by_role("link", name="GET /miles").click()
    expect(panel).to_contain_text(span_id(6))
    expect(row(page, span_id(6))).to_be_visible()
    expect(row(page, span_id(1))).to_have_attribute("aria-expanded", "true")


def test_a_keyboard_stays_in_the_panel_on_the_way_to_the_parent(page):
    opened(page, query=f"?span={span_id(7)}")
    panel = page.get_by_role("complementary", name="Chosen span")
    panel.get_by_role("link", name="GET /miles").focus()
    page.keyboard.press("Enter")
    expect(panel).to_contain_text(span_id(6))
    expect(panel).to_be_focused()


def test_of_two_spans_chosen_quickly_the_later_is_shown(page):
    """While the panel of one is on its way, another is chosen: its panel is shown, and whole."""
    page.troubles.answers_may_fail = True
    opened(page)
    held = []
    page.route(f"**/spans/{THROTTLED}", lambda route: held.append(route))
    row(page, THROTTLED).click()
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel).to_have_attribute("aria-busy", "true")
    row(page, ACCRUAL).click()
    expect(panel.get_by_role("heading", level=2)).to_have_text("process accrual")
    expect(panel.get_by_label("Filter attributes")).to_be_visible()
    expect(panel).not_to_have_attribute("aria-busy", "true")
    assert len(held) == 1
    page.unroute_all(behavior="ignoreErrors")
    row(page, THROTTLED).click()
    expect(panel.get_by_role("heading", level=2)).to_have_text("DynamoDB.TransactWriteItems")


@pytest.mark.parametrize("fails", [lambda route: route.abort(), lambda route: route.fulfill(status=503)], ids=["no connection", "503"])
def test_a_panel_that_cannot_be_read_says_so(page, fails):
    """And is not that of the span before; another span can be chosen."""
    page.troubles.answers_may_fail = True
    opened(page, query=f"?span={THROTTLED}")
    page.route(f"**/spans/{ACCRUAL}", fails)
    row(page, ACCRUAL).click()
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel).to_have_text(re.compile("^What this span carries cannot be read at the moment."))
    expect(panel).not_to_have_attribute("aria-busy", "true")
    row(page, RETRIED).click()
    expect(panel.get_by_role("heading", level=2)).to_have_text("DynamoDB.TransactWriteItems")
    row(page, ACCRUAL).click()
    panel.get_by_role("link", name="Close").click()
    expect(panel).to_be_hidden()


def test_ids_and_values_are_copied(page):
    """The trace's id in both forms, a span's, and a value."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, query=f"?span={span_id(1)}")
    for what, copied in [("trace ID", TRACE), ("X-Ray trace ID", f"1-{TRACE[:8]}-{TRACE[8:]}"), ("span ID", span_id(1)), ("booking.number", "P1KR9N43")]:
        page.get_by_role("button", name=f"Copy {what}", exact=True).click()
        assert page.evaluate("navigator.clipboard.readText()") == copied


def test_a_trace_is_downloaded_in_both_forms(page):
    opened(page)
    for name, spans in [("JSON", lambda trace: trace["spans"]), ("OTLP", lambda trace: [span for group in trace["resourceSpans"] for scope in group["scopeSpans"] for span in scope["spans"]])]:
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        assert len(spans(json.loads(download.value.path().read_text()))) == 11, name


def test_links_are_followed_both_ways(page):
    """From a span to the one that it refers to; there, back to the one that refers to it."""
    opened(page, query=f"?span={ACCRUAL}")
    page.get_by_role("region", name="Links").get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/traces/{LINKING}\\?span={span_id(1)}"))
    expect(page.get_by_role("complementary").get_by_role("heading", level=2)).to_have_text("batch of accrual")
    page.get_by_role("region", name="Linked from", exact=True).get_by_role("link", name="process accrual").click()
    expect(page).to_have_url(re.compile(f"/traces/{TRACE}\\?span={ACCRUAL}"))
