"""The window of time that somebody chose is that of every page they go on to, and times are shown in the zone they chose."""

import json
import re
import time
from datetime import datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

import bookings
import history

FROM, TO = "2026-01-02T10:00:05Z", "2099-01-02T11:30:05Z"
WINDOWS = pytest.mark.parametrize("window", [{"window": "6h"}, {"from": FROM, "to": TO}], ids=["relative", "absolute"])
BERLIN = "Europe/Berlin"
NAVIGATION = ["/", "/tenants", "/traces", "/groups", "/turned-away", "/cost", "/investigations", "/audit"]


@pytest.fixture(autouse=True)
def some_requests(control_plane):
    """An hour of requests that was judged, and bookings that have several spans."""
    history.send(control_plane.url)
    bookings.send(control_plane.url)
    for _ in range(300):
        if len(control_plane.get("/api/slo")["tenants"]) == len(bookings.TENANTS):
            return
        time.sleep(0.2)
    raise AssertionError("the tenants were not evaluated")


def window_of(url):
    query = parse_qs(urlsplit(url).query)
    return {name: query[name][0] for name in ("window", "from", "to") if name in query}


def links(page):
    """Where the page's links to other pages lead. Those of the picker choose another window, and those in the place of figures that a window has not lead to a longer one; alerts, versions, bars of histograms and who hurts since when have their own."""
    script = "links => links.filter(link => !link.closest('.window, .empty-state, .alerts, .versions, .chart, #hurting')).map(link => link.href?.baseVal ?? link.href)"
    found = page.locator("a[href]").evaluate_all(script)
    return [url for url in found if not re.search(r"#(main|span-)|/api/|/static/", url) or "span=" in url]


@WINDOWS
def test_every_link_keeps_the_window(page, window):
    """From the map over all pages that it leads to, directly or not: no link drops the window, none changes it."""
    query = "&".join(f"{name}={value}" for name, value in window.items())
    left, seen, kinds = [f"/?{query}"], set(), set()
    while left:
        path = left.pop()
        # Of each kind of page two are enough.
        kind = re.sub(r"/traces/.*", "/traces/{id}", urlsplit(path).path)
        if path in seen or sum(urlsplit(other).path.startswith(kind.split("{")[0]) for other in seen) >= 3:
            continue
        seen.add(path)
        kinds.add(kind)
        assert page.goto(path).ok
        hrefs = page.get_by_role("navigation", name="Pages").get_by_role("link").evaluate_all("links => links.map(link => link.pathname)")
        assert hrefs == NAVIGATION
        for link in links(page):
            # What was compared is of the moment at which it was: its traces are those of a window with an end.
            if urlsplit(path).path != "/why" or urlsplit(link).path != "/traces":
                assert window_of(link) == window, f"{path} links to {link}"
            left.append(re.sub("^https?://[^/]+", "", link).split("#")[0])
    assert {*NAVIGATION, "/tenant", "/traces/{id}", "/why"} <= kinds


@WINDOWS
@pytest.mark.parametrize("path", ["/", "/tenants", "/tenant?id=globex", "/traces", "/why", "/groups?by=span.name", "/turned-away", "/cost", "/investigations", "/audit"])
def test_every_form_keeps_the_window(page, window, path):
    """Whatever else is asked for on a page, it is asked of the same time."""
    query = "&".join(f"{name}={value}" for name, value in window.items())
    buttons = page.get_by_role("button", name=re.compile("^(Show|Search|Compare)$"))
    page.goto(path + ("&" if "?" in path else "?") + query)
    forms = buttons.count()
    assert forms
    for form in range(forms):
        page.goto(path + ("&" if "?" in path else "?") + query)
        buttons.nth(form).click()
        page.wait_for_load_state()
        # A field of a form has no zone.
        shown = window_of(page.url)
        assert {name: value.removesuffix("Z") for name, value in shown.items()} == {name: value.removesuffix("Z") for name, value in window.items()}


@WINDOWS
def test_what_is_found_is_of_the_same_window(page, window):
    """The box at the head of each page asks of the time that the page is about."""
    query = "&".join(f"{name}={value}" for name, value in window.items())
    for path in [*NAVIGATION, "/find"]:
        page.goto(f"{path}?{query}" + ("&q=nobody" if path == "/find" else ""))
        page.get_by_role("textbox", name="Find").fill("fault")
        page.get_by_role("button", name="Find").click()
        page.wait_for_url(re.compile("/traces.*filter=fault"))
        assert window_of(page.url) == window, path


def test_a_window_is_chosen_without_a_script(browser, control_plane):
    """A click on how far back, or from and to; what else the page is narrowed to stays."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/traces?tenant=globex")
    page.get_by_role("link", name="The last 15m").click()
    assert parse_qs(urlsplit(page.url).query) == {"tenant": ["globex"], "window": ["15m"]}
    expect(page.get_by_role("link", name="The last 15m")).to_have_attribute("aria-current", "true")
    page.get_by_text("From … to").click()
    page.get_by_label("From, UTC").fill("2026-01-02T10:00:00")
    page.get_by_label("To, UTC").fill("2026-01-02T11:30:00")
    page.get_by_role("button", name="Search").click()
    assert window_of(page.url)["from"].startswith("2026-01-02T10:00")
    expect(page.get_by_role("status")).to_contain_text("0 of 0 traces match")
    expect(page.get_by_label("From, UTC")).to_have_value(re.compile("^2026-01-02T10:00"))
    page.get_by_role("link", name="A window twice as long").click()
    assert window_of(page.url) == {"from": "2026-01-02T09:15:00Z", "to": "2026-01-02T12:15:00Z"}
    page.get_by_role("link", name="Half a window later").click()
    assert window_of(page.url) == {"from": "2026-01-02T10:45:00Z", "to": "2026-01-02T13:45:00Z"}
    context.close()


def test_times_are_shown_in_the_chosen_zone(browser, control_plane):
    """UTC, until the reader wants their own zone; that is remembered, and what they fill in is meant in it."""
    context = browser.new_context(base_url=control_plane.url, timezone_id=BERLIN)
    page = context.new_page()
    page.goto("/traces?from=2026-01-02T10:00:00Z&to=2099-01-02T11:30:00Z")
    started = page.get_by_role("region", name="Traces, scrollable").locator("td time").first
    utc = started.inner_text()
    moment = datetime.fromisoformat(started.get_attribute("datetime"))
    assert moment.replace(tzinfo=None) == datetime.fromisoformat(utc) and started.get_attribute("title") == started.get_attribute("datetime")
    page.get_by_role("button", name="Times in UTC").click()
    assert datetime.fromisoformat(started.inner_text()).replace(tzinfo=ZoneInfo(BERLIN)) == moment
    assert datetime.fromisoformat(started.get_attribute("title")) == moment and re.search(r"\+0[12]:00$", started.get_attribute("title"))
    expect(page.get_by_label("From, local")).to_have_value(re.compile("^2026-01-02T11:00"))
    page.get_by_role("button", name="Search").click()
    assert window_of(page.url) == {"from": "2026-01-02T10:00:00.000Z", "to": "2099-01-02T11:30:00.000Z"}
    expect(page.get_by_role("button", name="Times in your zone")).to_be_visible()
    expect(page.get_by_label("From, local")).to_have_value(re.compile("^2026-01-02T11:00"))
    context.close()


def drawn_window(chart):
    """From when to when a chart is, Unix seconds."""
    figures = json.loads(chart.locator("script").text_content())
    return figures["from"], figures["to"]


def test_drawing_across_a_chart_chooses_its_window(page):
    """From where the pointer went down to where it went up; what else the page is about stays."""
    page.goto("/tenant?id=globex&window=1h")
    chart = page.locator("figure", has=page.get_by_role("slider", name=re.compile("^Requests over time")))
    begin, end = drawn_window(chart)
    over = chart.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("from="))
    assert parse_qs(urlsplit(page.url).query)["id"] == ["globex"] and "window" not in window_of(page.url)
    chosen = [datetime.fromisoformat(window_of(page.url)[name]).timestamp() for name in ("from", "to")]
    quarter = (end - begin) / 4
    assert chosen == pytest.approx([begin + quarter, begin + 2 * quarter], abs=quarter / 20)
    assert drawn_window(chart)[0] == int(chosen[0])


def test_charts_say_in_words_what_they_draw(page):
    """The tenant stands beside its tier and everybody; the table has the values."""
    page.goto("/tenant?id=globex&window=6h")
    failed = page.locator("figure", has=page.get_by_role("slider", name=re.compile("^Failed over time")))
    expect(failed.locator(".series .name")).to_have_text(["globex", "all standard", "everybody"])
    failed.locator("summary").click()
    table = failed.get_by_role("region", name="Failed")
    expect(table.get_by_role("columnheader")).to_have_text(["From", "globex", "all standard", "everybody"])
    # Every fourth of globex's requests failed for a quarter of an hour, of which no other tenant had any.
    rows = [row.split("\t") for row in table.inner_text().splitlines()[1:]]
    globex, everybody = ([float(row[column].removesuffix(" %")) for row in rows if "%" in row[column]] for column in (1, 3))
    assert 20 < max(globex) < 40 and max(everybody) == pytest.approx(max(globex) / 3, abs=0.2)
