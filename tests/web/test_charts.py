"""Charts are read by eye, by pointer, by keyboard and without a script: all say the same figures, of the same time."""

import json
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from bookings import BOOKING, KINDS, attributes, post

VALUES = Path(__file__).parents[2] / "control-plane/server/tests/values_as_text.json"
# Minutes of the hour in which globex has no requests; in the middle of them there is one that has.
GAP, ALONE = range(20, 30), 25
# In these every second request of globex fails; with their first comes a version.
FAILING = range(40, 45)
TOOK_MS = {"acme": 40, "globex": 100}


def requests(begin: int, version: str, minutes: range, tenants: dict = TOOK_MS) -> dict:
    """What a service answered in these minutes of the hour: six requests a minute of each tenant."""
    spans = []
    for minute in minutes:
        for number in range(6):
            for tenant, took in tenants.items():
                if tenant == "globex" and minute in GAP and minute != ALONE:
                    continue
                failed = tenant == "globex" and minute in FAILING and number % 2 == 0
                start = (begin + minute * 60 + number * 10) * 10**9
                own = {"tenant.id": tenant, "tenant.tier": "standard", "cloud.account.id": BOOKING}
                spans.append({
                    "traceId": uuid.uuid4().hex, "spanId": uuid.uuid4().hex[:16], "name": "POST /bookings", "kind": KINDS["SERVER"],
                    "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + took * 10**6),
                    "attributes": attributes(own | {"http.request.method": "POST", "http.response.status_code": 500 if failed else 201}),
                    "status": {"code": 2} if failed else {},
                })
    resource = {"attributes": attributes({"service.name": "booking-api", "service.version": version})}
    return {"resource": resource, "scopeSpans": [{"spans": spans}]}


@pytest.fixture(autouse=True)
def begin(control_plane):
    """When the hour of requests begins, Unix seconds: at ten on the day before, in UTC, of which sums by the minute are kept."""
    hour = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)
    begin = int(hour.timestamp())
    first = FAILING.start
    post(control_plane.url, {"resourceSpans": [requests(begin, "1", range(first)), requests(begin, "2", range(first, 60))]})
    for _ in range(300):
        if len(control_plane.get("/api/slo")["tenants"]) == len(TOOK_MS):
            return begin
        time.sleep(0.2)
    raise AssertionError("the tenants were not evaluated")


def until(holds):
    """Waits for what follows a few frames later."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def said(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def path(begin: int, page: str = "/tenant?id=globex") -> str:
    return f"{page}&from={said(begin)}&to={said(begin + 3_600)}"


def chart(page, title: str):
    return page.locator("figure.chart", has=page.locator("figcaption strong", has_text=re.compile(f"^{title}$")))


def hover(page, figure, minute: float):
    """Puts the pointer on a minute of the hour."""
    over = figure.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * minute / 60, box["y"] + box["height"] / 2)


def of_minute(page, figure, minute: int):
    """The row of a minute of the hour."""
    return figure.locator("tbody tr", has=page.locator(f'time[datetime*="T10:{minute:02}:00"]'))


def values(figure) -> list[str]:
    return figure.locator(".series .value").all_inner_texts()


# What each canvas writes, with its colour.
RECORD = """
const write = CanvasRenderingContext2D.prototype.fillText;
globalThis.written = [];
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  written.push([this.canvas, text, this.fillStyle]);
  return write.call(this, text, ...place);
};
"""


def written(figure) -> set[str]:
    return set(figure.locator("canvas").evaluate("canvas => written.filter(([on]) => on === canvas).map(([, text]) => text)"))


# How many pixels of a colour lie between two shares of the width of where lines are drawn.
PIXELS = """
(figure, [from, to, name]) => {
  const canvas = figure.querySelector("canvas");
  const [box, over] = [canvas.getBoundingClientRect(), figure.querySelector(".u-over").getBoundingClientRect()];
  const ratio = canvas.width / box.width;
  const x = Math.round((over.left - box.left + over.width * from) * ratio);
  const width = Math.round(over.width * (to - from) * ratio);
  const { data } = canvas.getContext("2d").getImageData(x, 0, width, canvas.height);
  const wanted = getComputedStyle(figure).getPropertyValue(name).match(/[0-9a-f]{2}/gi).map((digits) => parseInt(digits, 16));
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 200 && wanted.every((part, index) => Math.abs(data[at + index] - part) < 12)) found++;
  }
  return found;
}
"""


def pixels(figure, minutes: tuple[float, float], colour: str = "--series-1") -> int:
    begin, end = minutes
    return figure.evaluate(PIXELS, [begin / 60, end / 60, colour])


def test_axes_say_when_and_how_much(page, begin):
    """Hours and the day, amounts with their unit; a limit is named on its line."""
    page.add_init_script(RECORD)
    page.goto(path(begin))
    failed = written(chart(page, "Failed"))
    day = datetime.fromtimestamp(begin, UTC)
    assert {f"{day.day} {day:%b}", "10:10", "10:50"} <= failed
    assert {"0", "20 %", "40 %"} <= failed
    assert {"0", "100 ms"} <= written(chart(page, "p50"))
    assert any(re.fullmatch(r"[\d.]+/s", text) for text in written(chart(page, "Requests")))
    # Where lines of limits are near each other, the highest is named; all are in the caption.
    assert "alert over 1 h" in written(chart(page, "Burn rate"))
    expect(chart(page, "Burn rate").locator("figcaption")).to_contain_text("alert over 6 h 6.0 ×; alert over 1 h 14.4 ×")


def test_what_is_not_known_is_a_gap_and_what_stands_alone_a_dot(page, begin):
    """No line leads over minutes without requests."""
    page.goto(path(begin))
    p50 = chart(page, "p50")
    assert pixels(p50, (5, 15)) > 50
    assert pixels(p50, (GAP.start + 0.8, ALONE)) == 0
    assert 8 < pixels(p50, (ALONE, ALONE + 1)) < 80
    assert pixels(p50, (ALONE + 1.2, GAP.stop + 0.2)) == 0
    hover(page, p50, GAP.start + 2.5)
    assert values(p50)[0] == "–" and values(p50)[1].endswith(" ms")


def test_all_charts_tell_the_values_under_the_pointer(page, begin):
    """Of one minute, in step; a version is named where it was first seen."""
    page.goto(path(begin))
    failed = chart(page, "Failed")
    hover(page, failed, FAILING.start + 0.5)
    day = said(begin)[:10]
    expect(failed.locator(".when")).to_have_text(f"{day} 10:40–10:41 UTC · booking-api 2 first seen")
    assert values(failed) == ["50.0 %", "25.0 %", "25.0 %"]
    assert failed.locator(".u-cursor-pt:not(.u-off)").count() == 3
    requests = chart(page, "Requests")
    expect(requests.locator(".when")).to_have_text(f"{day} 10:40–10:41 UTC · booking-api 2 first seen")
    assert values(requests) == ["0.1/s", "0.1/s", "0.1/s"]
    # Another time has another cursor.
    expect(chart(page, "Budget left").locator(".when")).to_have_text("")
    page.mouse.move(0, 0)
    expect(failed.locator(".when")).to_have_text("")


def test_the_table_beside_a_chart_says_what_the_chart_says(page, begin):
    """The server writes the one, the script the other."""
    page.goto(path(begin))
    for title in ["Requests", "Failed", "p99"]:
        figure = chart(page, title)
        figure.locator("summary").click()
        row = of_minute(page, figure, 42)
        hover(page, figure, 42.5)
        assert values(figure) == row.locator("td.number").all_inner_texts()


def test_cost_by_day_names_the_dearest_and_adds_up_the_others(page, control_plane, begin):
    """A column for each day that had requests; chart, table, API and CSV say the same."""
    earlier = {f"t{number}": 1_000 * (number + 1) for number in range(6)}
    post(control_plane.url, {"resourceSpans": [requests(begin - 2 * 86_400, "1", range(2), earlier)]})
    page.goto("/cost?window=7d")
    figure = chart(page, "Cost by day, UTC")
    names = figure.locator(".series .name").all_inner_texts()
    dearest = [dear["tenant"] for dear in control_plane.get("/api/cost?window=7d")["dearest"]]
    assert sorted(names[:-1]) == sorted(dearest[:5]) and names[-1] == "all others"
    assert names[0] == dearest[0] == "t5"
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    expect(rows).to_have_count(2)
    first = dict(zip(names, rows.first.locator("td.number").all_inner_texts(), strict=True))
    assert first == {"t5": "72.0 s", "t4": "60.0 s", "t3": "48.0 s", "t2": "36.0 s", "globex": "–", "all others": "36.0 s"}
    # The day without requests is a gap, and keys stop at it.
    figure.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    assert set(values(figure)) == {"–"}
    page.keyboard.press("Home")
    assert dict(zip(names, values(figure), strict=True)) == first
    daily = control_plane.get("/api/cost?window=7d")["daily"]
    assert sum(day["spent"]["seconds"] for day in daily) == pytest.approx(control_plane.get("/api/cost?window=7d")["total"]["seconds"])
    page.get_by_role("link", name="These days as CSV").click(trial=True)
    lines = page.request.get("/api/cost?window=7d&format=csv&by=day").text().splitlines()
    assert lines[0] == "day,whose,tenant,requests,seconds,currency,micros"
    assert f"{said(begin - 2 * 86_400)[:10]},tenant,t5,12,72,," in lines and len(lines) == 1 + len(daily)


def test_values_are_written_as_the_server_writes_them(page, begin):
    """The table is held against the server's functions by its own tests."""
    page.goto(path(begin))
    for unit, value, text in json.loads(VALUES.read_text()):
        assert page.evaluate("([unit, value]) => texts.value(unit, value, 'USD')", [unit, value]) == text, (unit, value)


@pytest.mark.parametrize("where", ["/tenant?id=globex", "/groups?by=span.name"])
def test_a_window_is_drawn_on_any_chart(page, begin, where):
    """From where the pointer went down to where it went up; what else the page is about stays."""
    page.goto(path(begin, where))
    hover(page, chart(page, "Failed"), 15)
    page.mouse.down()
    hover(page, chart(page, "Failed"), 20)
    hover(page, chart(page, "Failed"), 30)
    page.mouse.up()
    page.wait_for_url(re.compile("from=.*10%3A1"))
    query = parse_qs(urlsplit(page.url).query)
    chosen = [datetime.fromisoformat(query[name][0]).timestamp() - begin for name in ("from", "to")]
    assert chosen == pytest.approx([900, 1_800], abs=20)
    assert {name: query[name] for name in query if name not in ("from", "to")} == parse_qs(urlsplit(where).query)


def test_the_keyboard_alone_reads_a_chart_and_chooses_a_window(page, begin):
    """One Tab stops at a chart and one passes it; arrows go along it, and what is there is told."""
    page.goto(path(begin))
    plots = page.get_by_role("slider")
    titles = [plots.nth(number).get_attribute("aria-label") for number in range(3)]
    assert titles[0] == "Requests over time, up to 0.1/s" and titles[1] == "Failed over time, up to 50.0 %"
    plots.first.focus()
    page.keyboard.press("Tab")
    failed = chart(page, "Failed")
    expect(failed.get_by_role("slider")).to_be_focused()
    page.keyboard.press("Tab")
    expect(plots.nth(2)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    day = said(begin)[:10]
    told = f"{day} 10:59–11:00 UTC, globex 0 %, all standard 0 %, everybody 0 %"
    expect(failed.get_by_role("slider")).to_have_attribute("aria-valuetext", told)
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("PageUp")
    told = f"{day} 10:40–10:41 UTC, globex 50.0 %, all standard 25.0 %, everybody 25.0 %, booking-api 2 first seen"
    expect(failed.get_by_role("slider")).to_have_attribute("aria-valuetext", told)
    assert values(chart(page, "Requests"))[0] == "0.1/s"
    page.keyboard.press("Enter")
    expect(failed.get_by_role("region", name="Failed")).to_be_visible()
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("from=.*10%3A40"))
    query = parse_qs(urlsplit(page.url).query)
    assert [query[name][0] for name in ("from", "to")] == [said(begin + minute * 60) for minute in (FAILING.start, FAILING.stop)]


def test_without_a_script_there_are_tables(browser, control_plane, begin):
    """Open, with the same figures, and nothing empty beside them."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(path(begin))
    failed = chart(page, "Failed")
    expect(of_minute(page, failed, FAILING.start).locator("td.number")).to_have_text(["50.0 %", "25.0 %", "25.0 %"])
    expect(failed.locator(".plot")).to_be_hidden()
    context.close()


def counted(row) -> int:
    """How many traces a row of a histogram counts."""
    return sum(int(number.replace(",", "").replace("–", "0")) for number in row.locator("td.number").all_inner_texts())


def matched(page) -> int:
    """How many traces a search found."""
    return int(page.get_by_role("status").locator("strong").first.inner_text().replace(",", ""))


def test_a_bar_leads_to_its_traces_and_to_why(page, begin):
    """By pointer and by keyboard: those that took as long as it says, and no others."""
    page.goto(path(begin, "/traces?service=booking-api"))
    took = chart(page, "How long they took")
    took.get_by_role("slider").focus()
    page.keyboard.press("End")
    expect(took.locator(".when")).to_contain_text(" ms · Traces · Why?")
    count = int(values(took)[0].replace(",", ""))
    assert 0 < count < matched(page)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("filter=duration"))
    assert matched(page) == count
    page.goto(path(begin, "/traces?service=booking-api"))
    began = chart(page, "When they began")
    hover(page, began, FAILING.start + 0.5)
    assert values(began) == ["3", "9"]
    began.locator(".when").get_by_role("link", name="Why?").click()
    page.wait_for_url(re.compile("/why.*from=.*10%3A40"))
    page.go_back()
    hover(page, began, FAILING.start + 0.5)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(re.compile("/traces.*from=.*10%3A40"))
    assert matched(page) == 12


def test_without_a_script_bars_lead_on_too(browser, control_plane, begin):
    """The tables of histograms have the same links, and count what these find."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    for title in ["When they began", "How long they took"]:
        for number in (0, -1):
            page.goto(path(begin, "/traces?service=booking-api"))
            row = chart(page, title).locator("tbody tr").nth(number)
            count = counted(row)
            assert row.get_by_role("link", name="Why?").get_attribute("href").startswith("/why?")
            row.get_by_role("link", name="Traces").click()
            assert matched(page) == count, title
    context.close()


def test_without_the_library_the_tables_are_open(browser, control_plane, begin):
    """A script that does not come leaves what the page says."""
    context = browser.new_context(base_url=control_plane.url)
    page = context.new_page()
    page.route("**/uPlot.js*", lambda route: route.abort())
    page.goto(path(begin))
    tables = page.locator("figure.chart details")
    expect(tables).to_have_count(page.locator("figure.chart").count())
    assert all(table.get_attribute("open") is not None for table in tables.all())
    context.close()


def test_charts_follow_the_theme_while_the_page_is_open(page, begin):
    """Colours are those of the styles, also when these change."""
    page.goto(path(begin))
    failed = chart(page, "Failed")
    light = failed.evaluate("figure => getComputedStyle(figure).getPropertyValue('--series-1')")
    assert pixels(failed, (0, 60)) > 100
    page.emulate_media(color_scheme="dark")
    assert failed.evaluate("figure => getComputedStyle(figure).getPropertyValue('--series-1')") != light
    until(lambda: pixels(failed, (0, 60)) > 100)


def test_charts_follow_the_zone_that_the_reader_chose(browser, control_plane, begin):
    """The axis and what is told, as soon as it is chosen."""
    context = browser.new_context(base_url=control_plane.url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.add_init_script(RECORD)
    page.goto(path(begin))
    failed = chart(page, "Failed")
    page.get_by_role("button", name="Times in UTC").click()
    hover(page, failed, FAILING.start + 0.5)
    expect(failed.locator(".when")).to_contain_text("16:10–16:11 +05:30")
    until(lambda: "16:00" in {text.split("\n")[0] for text in written(failed)})
    context.close()


def test_a_live_page_keeps_its_charts_and_where_the_reader_is(page, begin):
    """What is swapped in is drawn where it was: the same canvas, the cursor, the focus and an open table."""
    page.goto(path(begin))
    failed = chart(page, "Failed")
    canvas = failed.locator("canvas").element_handle()
    failed.locator("summary").click()
    failed.get_by_role("slider").focus()
    for key in ["Home", "PageUp", "PageUp", "PageUp", "PageUp"]:
        page.keyboard.press(key)
    told = failed.get_by_role("slider").get_attribute("aria-valuetext")
    assert "globex 50.0 %" in told
    figure = failed.element_handle()
    page.evaluate("htmx.ajax('GET', location.href, { target: '#main', select: '#main', swap: 'outerHTML' })")
    page.wait_for_function("figure => !figure.isConnected", arg=figure)
    expect(failed.get_by_role("slider")).to_be_focused()
    assert failed.locator("canvas").element_handle().evaluate("(now, before) => now === before", canvas)
    expect(failed.get_by_role("slider")).to_have_attribute("aria-valuetext", told)
    assert values(failed)[0] == "50.0 %"
    expect(failed.locator("details")).to_have_attribute("open", "")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_charts_take_the_room_that_there_is(page, begin):
    """On a phone, and when a window changes its size; the page does not scroll sideways."""
    page.goto(path(begin))
    for width in (390, 1_440, 800):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function(
            "figure => figure.querySelector('canvas').clientWidth === figure.querySelector('.plot').clientWidth",
            arg=chart(page, "Failed").element_handle(),
        )
        width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width <= room
