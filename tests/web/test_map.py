"""The service map as people use it: by pointer and by keys, with and without a script, and while it is refreshed."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import expect

import bookings
from bookings import KINDS, attributes
from control_plane import ControlPlane

NAMES = f'[accounts]\n{bookings.BOOKING} = "booking"\n'


@pytest.fixture
def control_plane(tmp_path):
    """One that knows what an account is called, and has a day's bookings."""
    server = ControlPlane(tmp_path, NAMES)
    bookings.send(server.url)
    yield server
    server.stop()


def node(page, name: str):
    """A node of the map."""
    return page.locator("svg.map a[data-node]", has=page.locator("title", has_text=re.compile(rf"\b{name}\b")))


def shown(page) -> list[float]:
    """Which part of the drawing is shown: left, top, width, height."""
    return [float(number) for number in page.locator("svg.map").get_attribute("viewBox").split()]


def test_an_account_has_its_name_from_the_configuration(page):
    """Beside its id; one without a name has its id alone."""
    page.goto("/")
    expect(page.locator("svg.map").get_by_text(f"booking · {bookings.BOOKING}")).to_be_visible()
    expect(page.locator("svg.map").get_by_text(f"Account {bookings.MILEAGE}", exact=True)).to_be_visible()


def test_a_node_shows_more_beside_the_map(page):
    """Figures over time, tenants, traces and a way to the cause; the address keeps it, and going back closes it."""
    page.goto("/")
    node(page, "booking-api").click()
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="booking-api")).to_be_focused()
    expect(page.locator("svg.map")).to_be_visible()
    expect(page).to_have_url(re.compile("node="))
    for chart in ("Requests", "Failed", "p50 and p99"):
        expect(panel.locator("figure").filter(has_text=chart).first).to_be_visible()
    expect(panel.get_by_role("region", name="Most requests")).to_contain_text("globex")
    expect(panel.get_by_role("region", name="Most failures")).to_contain_text("1 of 4 failed")
    expect(panel.get_by_role("region", name="Slowest")).to_contain_text("POST /bookings")
    expect(panel.get_by_role("link", name="Why are these failing?")).to_have_attribute("href", re.compile("^/why"))
    page.go_back()
    expect(panel).to_be_empty()
    page.reload()
    node(page, "booking-api").click()
    panel.get_by_role("link", name="reservations", exact=True).click()
    expect(panel.get_by_role("heading", name="booking-api → reservations")).to_be_visible()
    panel.get_by_role("link", name="All of its traces").click()
    expect(page.get_by_role("status")).to_contain_text("traces match")


def test_the_keyboard_alone_is_enough(page):
    """One stop for the tabulator; arrows go from node to node, Enter opens one, Escape leads back to it; + and - zoom, 0 fits."""
    page.goto("/")
    drawing = page.locator(".drawing")
    drawing.focus()
    whole = shown(page)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert shown(page)[2] < whole[2]
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert shown(page) == pytest.approx(whole)
    page.keyboard.press("ArrowRight")
    first = page.evaluate("document.activeElement.dataset.node")
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.dataset.node")
    assert first and second and first != second
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_empty()
    assert page.evaluate("document.activeElement.dataset.node") == second
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('.drawing')")


def test_pointers_zoom_and_pan(page):
    """The wheel with Ctrl zooms about the pointer; dragging pans, and is no click; Fit shows all of it again."""
    page.goto("/")
    box = page.locator(".drawing").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    whole = shown(page)
    page.mouse.move(*middle)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -600)
    page.keyboard.up("Control")
    page.wait_for_function("width => document.querySelector('svg.map').viewBox.baseVal.width < width", arg=whole[2] * 0.9)
    before = shown(page)
    page.mouse.down()
    page.mouse.move(middle[0] - 120, middle[1] - 40, steps=4)
    page.mouse.up()
    assert shown(page)[0] > before[0] and shown(page)[2] == pytest.approx(before[2])
    expect(page.locator("#panel")).to_be_empty()
    # A key that opens a node is no end of that drag.
    page.locator(".drawing").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_focused()
    page.get_by_role("link", name="Close the details").click()
    expect(page.locator("#panel")).to_be_empty()
    expect(page.locator("html")).not_to_have_class(re.compile("busy"))
    page.get_by_role("button", name="Fit the whole map").click()
    assert shown(page) == pytest.approx(whole)


def test_a_node_lights_up_with_what_it_is_connected_with(page):
    """All else steps back while a pointer is on it."""
    page.goto("/")
    node(page, "booking-api").hover()
    expect(node(page, "reservations")).to_have_class(re.compile("on"))
    expect(node(page, "ledger")).not_to_have_class(re.compile("on"))


def test_a_live_map_keeps_what_the_reader_has_open(page):
    """Zoom, details and focus are the same after the map was exchanged."""
    page.goto("/?live=on")
    node(page, "booking-api").click()
    expect(page.locator("#panel h2")).to_be_focused()
    drawing = page.locator(".drawing")
    drawing.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    kept, focused = shown(page), page.evaluate("document.activeElement.getAttribute('href')")
    page.evaluate("document.querySelector('svg.map').dataset.old = 'yes'")
    expect(page.locator("svg.map[data-old]")).to_have_count(0, timeout=60_000)
    expect(page.locator("#panel h2")).to_have_text("booking-api")
    assert shown(page) == pytest.approx(kept)
    assert page.evaluate("document.activeElement.getAttribute('href')") == focused


def test_without_a_script_a_link_leads_to_the_same(browser, control_plane):
    """The page that the server writes has the details, and the whole map can be scrolled to."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.goto(node(page, "booking-api").get_attribute("href"))
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="booking-api")).to_be_visible()
    expect(panel.get_by_role("region", name="Most requests")).to_contain_text("globex")
    panel.get_by_role("link", name="Close the details").click()
    expect(page.locator("#panel")).to_be_empty()
    context.close()


def test_nobody_sees_a_node_that_is_not_there(page, control_plane):
    """An unknown one is told of as such; what names none is refused."""
    page.goto("/?node=service/1/nobody")
    expect(page.locator("#panel")).to_contain_text("Nothing is known of it in this window.")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{control_plane.url}/?node=nobody", timeout=10)
    assert refused.value.code == 400


def browsed(url: str):
    """A browser's calls: one that the service answers, and several that fail while it is offline."""
    now = time.time_ns() - 60 * 10**9

    def span(service, trace, index, parent, kind, more, failed=False):
        return service, {
            "traceId": f"{trace:032x}",
            "spanId": f"{trace * 16 + index:016x}",
            "parentSpanId": "" if parent is None else f"{trace * 16 + parent:016x}",
            "name": "GET /quotes",
            "kind": KINDS[kind],
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 10**8),
            "attributes": attributes(more),
            "status": {"code": 2} if failed else {},
        }

    call = {"http.request.method": "GET", "server.address": "api.example"}
    spans = [span("shop", trace, 1, None, "CLIENT", call, failed=trace > 1) for trace in range(1, 8)]
    spans.append(span("quotes", 1, 2, 1, "SERVER", {"http.response.status_code": 200, "cloud.account.id": bookings.BOOKING}))
    own = {"shop": {"service.name": "shop", "browser.language": "de"}, "quotes": {"service.name": "quotes"}}
    body = {
        "resourceSpans": [
            {"resource": {"attributes": attributes(own[service])}, "scopeSpans": [{"spans": [span]}]} for service, span in spans
        ]
    }
    request = urllib.request.Request(f"{url}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) == {}


def test_what_fails_in_a_browser_alone_is_no_fault_of_the_system(page, control_plane):
    """A browser is a kind of its own, stands outside, and its failures turn nothing red and are not named as the worst."""
    browsed(control_plane.url)
    page.goto("/")
    browser = node(page, "shop")
    expect(browser).to_contain_text("browser")
    assert browser.get_attribute("data-account") is None
    expect(browser.locator(".outside")).to_have_count(1)
    assert "fault" not in node(page, "api.example").locator("g").get_attribute("class")
    lost = [edge for edge in control_plane.get("/api/map")["edges"] if edge["stats"]["faults"] >= 6]
    assert [edge["stats"]["health"] for edge in lost] == ["ok"]
    expect(page.locator("#live > p").first).not_to_contain_text("shop")
    browser.click()
    expect(page.locator("#panel")).to_contain_text("not counted against the system")
