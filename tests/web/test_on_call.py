"""From "something is slow" to the span that is slow: by mouse, by keyboard, on a phone and at a desk, by day and by night."""

import re

import pytest
from playwright.sync_api import expect

import bookings

SIZES = pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])


@pytest.fixture(autouse=True)
def some_bookings(control_plane):
    """Twelve bookings, of which one is slow and one failed."""
    bookings.send(control_plane.url)


def no_wider_than_the_window(page):
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return width <= room


@SIZES
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_from_the_map_to_the_slow_span(page):
    """Map, one tenant, a service, what it calls, search, the slowest trace, its slow span; five links and a form."""
    page.goto("/")
    expect(page.get_by_role("link", name=re.compile("service booking-api"))).to_be_visible()
    expect(page.get_by_text(f"Account {bookings.MILEAGE}", exact=True)).to_be_visible()
    page.get_by_label("Tenant").select_option("globex")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("tenant=globex"))
    assert no_wider_than_the_window(page)

    page.locator("svg.map").get_by_role("link", name=re.compile("service booking-api")).click()
    page.get_by_label("Details").get_by_role("link", name="reservations", exact=True).click()
    page.get_by_role("link", name="All of its traces").click()
    expect(page.get_by_role("status")).to_contain_text("4 of 4 traces match")
    page.get_by_label("Order").select_option("slowest")
    page.get_by_role("button", name="Search").click()
    assert no_wider_than_the_window(page)
    page.get_by_role("row").nth(1).get_by_role("link").click()

    expect(page).to_have_url(re.compile(bookings.trace_id(bookings.SLOW_TRACE)))
    expect(page.locator("main")).to_contain_text(f"Most of the time was spent in {bookings.SLOW_SPAN}")
    page.get_by_role("treegrid").get_by_role("row").filter(has_text=bookings.SLOW_SPAN).first.click()
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel.get_by_role("row", name=re.compile("aws.dynamodb.table_names"))).to_contain_text("reservations")
    assert no_wider_than_the_window(page)


def test_all_of_it_by_keyboard(page):
    """Tab and Enter lead from the map to the opened span; the focus can be seen."""
    page.goto("/")

    def tab_to(name):
        for _ in range(80):
            page.keyboard.press("Tab")
            label = page.evaluate("(e => e.getAttribute('aria-label') || e.innerText || '')(document.activeElement)")
            if re.search(name, label):
                assert page.evaluate("document.activeElement.matches(':focus-visible')")
                return
        raise AssertionError(f"no way to {name!r} by Tab")

    tab_to("^To the content$")
    tab_to("^Service map\\.")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        if "booking-api" in (page.evaluate("document.activeElement.textContent") or ""):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="booking-api")).to_be_focused()
    tab_to("^All of its traces$")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/traces\\?"))
    tab_to("^POST /bookings$")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/traces/[0-9a-f]{32}"))
    tab_to("^Spans$")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Chosen span")).to_contain_text(bookings.SLOW_SPAN)


def test_a_fault_is_red_on_the_map_and_found_by_its_expression(page):
    """The failed booking colours its nodes; the expression finds it; its error stands in the waterfall."""
    page.goto("/")
    expect(page.locator("g.node.fault", has_text="booking-api")).to_have_count(1)
    page.goto('/traces?filter=service("booking-api") { fault }')
    expect(page.get_by_role("status")).to_contain_text("1 of 12 traces match")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("the table did not answer")


def test_an_expression_that_is_none_is_marked(page):
    """The column is pointed at, and the form is still there to mend it."""
    page.troubles.errors = Ignored()
    page.goto("/traces?filter=duration >")
    expect(page.get_by_role("alert")).to_contain_text("column 11")
    expect(page.get_by_label("Filter expression, or a trace ID")).to_have_value("duration >")


def test_a_live_map_follows(page, control_plane):
    """With Live on, what comes is drawn without a click."""
    page.goto("/?live=on")
    expect(page.get_by_role("link", name=re.compile("service booking-api: "))).to_be_visible()
    before = page.locator("main").inner_text()
    bookings.send(control_plane.url, count=40)
    expect(page.locator("main")).not_to_have_text(before, timeout=60_000)


class Ignored(list):
    """A 400 is logged by the browser, and meant here."""

    def append(self, _):
        pass
