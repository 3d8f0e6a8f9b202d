"""The box at the head of every page: from what people have in hand to what it is, and out of the control plane again as OTLP."""

import json
import re

import pytest
from playwright.sync_api import expect

import bookings

SIZES = pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])


@pytest.fixture(autouse=True)
def some_bookings(control_plane):
    """Twelve bookings, of which one is slow and one failed."""
    bookings.send(control_plane.url)


def find(page, what):
    page.get_by_role("textbox", name="Find").fill(what)
    page.get_by_role("button", name="Find").click()


@SIZES
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_booking_is_found_by_its_number_and_says_where_it_stopped(page):
    page.goto("/cost")
    find(page, bookings.number_of(bookings.FAILED_TRACE).lower())
    expect(page).to_have_url(re.compile(bookings.trace_id(bookings.FAILED_TRACE)))
    expect(page.locator("main")).to_contain_text("It stopped at “POST /bookings” of booking-api, which failed: the table did not answer.")
    page.get_by_role("link", name="Show this span").first.click()
    expect(page.get_by_role("complementary", name="Chosen span")).to_contain_text("POST /bookings")
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_each_page_has_the_box_and_it_is_there_for_the_keyboard(page):
    for path in ["/", "/tenants", "/tenant?id=acme", "/traces", f"/traces/{bookings.trace_id(0)}", "/cost", "/audit", "/find?q=nobody"]:
        page.goto(path)
        expect(page.get_by_role("search").get_by_role("textbox", name="Find")).to_have_count(1)
    page.get_by_role("textbox", name="Find").focus()
    page.keyboard.type("globex")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/tenant.id=globex"))


def test_an_expression_is_searched_for_in_the_window_of_the_page(page):
    page.goto("/traces?window=6h")
    find(page, 'service("booking-api") { fault }')
    expect(page).to_have_url(re.compile("window=6h"))
    expect(page.get_by_role("status")).to_contain_text("1 of 12 traces match")


def test_what_is_nothing_is_answered_with_what_was_tried(page):
    page.goto("/")
    find(page, "Zenith Air")
    expect(page.get_by_role("status")).to_have_text("Nothing was found for Zenith Air.")
    tried = page.get_by_role("region", name="What was tried")
    for what in ["a trace ID", "a tenant ID", "a company's name", "a filter expression", "booking.number", "a user ID"]:
        expect(tried).to_contain_text(what)


def spans(request):
    """Spans by id, with who sent them."""
    groups = request["resourceSpans"]
    return {
        span["spanId"]: (group["resource"], span) for group in groups for scope in group["scopeSpans"] for span in scope["spans"]
    }


def test_what_is_found_is_exported_as_it_was_sent(page):
    page.goto("/traces?status=fault")
    with page.expect_download() as download:
        page.get_by_role("link", name="OTLP").click()
    exported = json.loads(download.value.path().read_text())
    sent = bookings.booking(bookings.FAILED_TRACE, 120)
    # But for when it was, which the helper says anew.
    timeless = lambda request: {id: (who, {**span, "startTimeUnixNano": 0, "endTimeUnixNano": 0}) for id, (who, span) in spans(request).items()}
    nothing = lambda value: value in ("", {}, [])
    drop = lambda known: {id: (who, {name: value for name, value in span.items() if not nothing(value)}) for id, (who, span) in known.items()}
    assert drop(timeless(exported)) == drop(timeless(sent))


NEWEST_TRACE, LARGEST_TRACE = 11, 2


@pytest.fixture
def a_booking_with_one_more_span(control_plane):
    """Written a second time, so that its trace has more spans than any other."""
    more = bookings.booking(LARGEST_TRACE, 120)["resourceSpans"][0]
    [scope] = more["scopeSpans"]
    scope["spans"] = [{**scope["spans"][1], "spanId": "f" * 16}]
    bookings.post(control_plane.url, {"resourceSpans": [more]})


@pytest.mark.usefixtures("a_booking_with_one_more_span")
@pytest.mark.parametrize(
    ("head", "greatest"), [("Started", NEWEST_TRACE), ("Duration", bookings.SLOW_TRACE), ("Spans", LARGEST_TRACE)]
)
def test_heads_of_columns_sort(page, head, greatest):
    page.goto("/traces?order=slowest" if head != "Duration" else "/traces")
    page.get_by_role("columnheader", name=head).get_by_role("link").click()
    expect(page.get_by_role("columnheader", name=head)).to_have_attribute("aria-sort", "descending")
    first = page.get_by_role("row").nth(1).get_by_role("link").first
    expect(first).to_have_attribute("href", re.compile(bookings.trace_id(greatest)))
