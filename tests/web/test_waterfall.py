"""A trace's page: folding, looking closer, the critical path, finding spans; by pointer, by keyboard, without a script, and with 50,000 spans."""

import re

import pytest
from playwright.sync_api import expect

import bookings
import waterfalls
from control_plane import ControlPlane
from trace_page import PATIENT, active, bar, drawn_again, names, no_wider_than_the_window, opened, row, rows
from troubles import watch
from waterfalls import HOSTILE, LARGE, TRACE, span_id

THROTTLED, RETRIED, ACCRUAL, ORPHAN = (span_id(number) for number in (3, 4, 10, 11))
NAMES = [
    "POST /bookings",
    "verify token",
    "DynamoDB.TransactWriteItems",
    "DynamoDB.TransactWriteItems",
    "process reservations",
    "send booking-confirmed",
    "process accrual",
    "GET /miles",
    "GET /miles",
    "geodesic distance",
    "DynamoDB.UpdateItem",
]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    """A control plane that knows a booking, a trace with hostile names and one of 50,000 spans."""
    server = ControlPlane(tmp_path_factory.mktemp("waterfall"), f'[accounts]\n{bookings.BOOKING} = "booking"\n')
    waterfalls.send(server.url, waterfalls.booking, waterfalls.hostile, waterfalls.large)
    yield server
    server.stop()


def test_a_span_all_and_a_depth_are_folded(page):
    """What is folded says how many spans it hides, and whether one of them failed; all the others stay where they are."""
    opened(page)
    assert names(page) == NAMES
    root = row(page, span_id(1))
    root.locator(".fold").click()
    expect(rows(page)).to_have_count(2)
    expect(root.locator(".fold")).to_have_text("▸ 9 ✘")
    expect(root).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name="Unfold all").click()
    expect(rows(page)).to_have_count(11)
    page.get_by_role("button", name="Fold all", exact=True).click()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Unfold to depth").select_option("1")
    expect(rows(page)).to_have_count(6)
    assert names(page) == [NAMES[0], NAMES[1], NAMES[2], NAMES[3], "GET /miles", NAMES[-1]]


def test_keys_move_fold_and_open_and_the_list_is_one_stop_of_tab(page):
    """As in ARIA's tree grid: https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/"""
    tree = opened(page)
    tree.focus()
    expect(active(page)).to_contain_text("POST /bookings")
    expect(tree).to_have_attribute("aria-activedescendant", f"span-{span_id(1)}")
    for key, name, level in [
        ("End", "DynamoDB.UpdateItem", 1),
        ("ArrowUp", "geodesic distance", 4),
        ("ArrowLeft", "GET /miles", 3),
        # The first folds it, the second leaves it.
        ("ArrowLeft", "GET /miles", 3),
        ("ArrowLeft", "GET /miles", 2),
        ("Home", "POST /bookings", 1),
        ("ArrowRight", "verify token", 2),
        ("ArrowLeft", "POST /bookings", 1),
    ]:
        page.keyboard.press(key)
        expect(active(page).locator(".name")).to_have_text(name)
        expect(active(page)).to_have_attribute("aria-level", str(level))
    page.keyboard.press("ArrowLeft")
    expect(active(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(active(page).locator(".name")).to_have_text("DynamoDB.UpdateItem")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel).to_be_focused()
    expect(panel.get_by_role("heading", level=2)).to_have_text("DynamoDB.UpdateItem")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(tree).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("!document.querySelector('.tree').contains(document.activeElement)"), "one Tab leaves the list"


def test_a_stretch_of_time_is_looked_at_closely(page):
    """By drawing across the overview or the axis, by buttons and by keys; a bar stands where its time is, and one click shows the whole trace again."""
    tree = opened(page)
    assert bar(page, THROTTLED) == pytest.approx((15 / 400, 90 / 400), abs=0.01)

    def drawn(area, begin, end):
        box = page.locator(area).bounding_box()
        page.mouse.move(box["x"] + box["width"] * begin, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * end, box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()

    drawn(".overview", 0.0, 0.25)
    expect(page.locator(".told")).to_have_text(re.compile(r"^From 0(\.0)? ms to (100|99\.\d) ms\.$"))
    assert bar(page, THROTTLED) == pytest.approx((0.15, 0.9), abs=0.02)
    expect(row(page, ACCRUAL).locator(".bar .span")).to_have_count(0)
    drawn(".axis", 0.5, 1.0)
    expect(page.locator(".told")).to_have_text(re.compile(r"^From (50|49)(\.\d)? ms to (100|99)(\.\d)? ms\.$"))
    page.get_by_role("button", name="Whole trace").click()
    expect(page.locator(".told")).to_have_text("")
    expect(page.get_by_role("button", name="Whole trace")).to_be_disabled()
    tree.focus()
    page.keyboard.press("End")
    page.keyboard.press("z")
    assert bar(page, ORPHAN) == pytest.approx((0.045, 0.955), abs=0.02)
    page.keyboard.press("0")
    expect(page.locator(".told")).to_have_text("")
    page.keyboard.press("+")
    expect(page.locator(".told")).to_have_text("From 100 ms to 300 ms.")
    page.get_by_role("button", name="Later").click()
    expect(page.locator(".told")).to_have_text("From 200 ms to 400 ms.")
    page.locator(".overview").dblclick()
    expect(page.locator(".told")).to_have_text("")
    # A drag that the browser takes for its own, to scroll, chooses nothing, neither then nor with what is drawn next.
    page.locator(".overview").evaluate("area => area.addEventListener('pointermove', ({ buttons, pointerId }) => buttons && area.dispatchEvent(new PointerEvent('pointercancel', { pointerId })))")
    drawn(".overview", 0.2, 0.6)
    expect(page.locator(".brush")).to_have_count(0)
    expect(page.locator(".told")).to_have_text("")


def test_the_critical_path_is_one_line_through_the_bars_and_said_in_words(page):
    """Each stretch lies in the bar of the span that was waited for; when it is folded, in the bar that hides it."""
    opened(page)
    main = page.get_by_role("main")
    expect(main).to_contain_text("Most of the time was spent in DynamoDB.TransactWriteItems of booking-api: 30.6 % of the critical path")
    expect(main).to_contain_text("It waited 245 ms for services: booking-api 150 ms (61.2 %), mileage-accrual 60.0 ms (24.5 %), booking-publisher 35.0 ms (14.3 %).")
    expect(main).to_contain_text("For 155 ms it waited for none of them")

    def stretches():
        """Row, begin and end on the axis, ms, of each horizontal stretch."""
        drawn_again(page)
        line = page.locator(".critical .held")
        width = page.locator(".critical").bounding_box()["width"]
        height = rows(page).first.bounding_box()["height"]
        found = re.findall(r"M([\d.-]+) ([\d.]+)H([\d.-]+)", line.get_attribute("d"))
        return [(int(float(y) // height), float(x) / width * 400, float(to) / width * 400) for x, y, to in found]

    def lies(at, begin, end):
        return any(row == at and abs(x - begin) < 2 and abs(to - end) < 2 for row, x, to in stretches())

    assert lies(1, 5, 12) and lies(2, 15, 90) and lies(3, 120, 150) and lies(4, 260, 265) and lies(5, 265, 295) and lies(6, 340, 400)
    assert not {at for at, *_ in stretches()} & {7, 8, 9, 10}, "nothing waited for GET /miles"
    row(page, RETRIED).locator(".fold").click()
    expect(rows(page)).to_have_count(8)
    assert lies(3, 120, 150) and lies(3, 260, 295) and lies(3, 340, 400)


def test_errors_and_events_are_marked_on_the_bar_at_their_time(page):
    """A failed span has a sign, its message and an outline, and no colour alone; an event stands where it happened."""
    opened(page)
    failed = row(page, THROTTLED)
    expect(failed.locator(".what")).to_have_text("✘ ThrottlingException: the table is at its limit")
    width = lambda span: float(row(page, span).locator(".bar .span").evaluate("bar => getComputedStyle(bar).strokeWidth").removesuffix("px"))
    assert width(THROTTLED) > width(RETRIED)
    event = failed.locator("circle.event.failed")
    expect(event.locator("title")).to_have_text("exception, after 88.0 ms")
    assert float(event.get_attribute("cx").removesuffix("%")) == pytest.approx(22.0, abs=0.1)
    expect(row(page, RETRIED).locator("circle.event title")).to_have_text("retry, after 121 ms")
    expect(row(page, ORPHAN)).to_contain_text("parent not received")


def test_a_legend_names_each_service_with_its_account_and_colour(page):
    """A bar has the colour of its service; who it is stands beside it, too. An account has the name that the configuration gives it."""
    opened(page)
    legend = page.locator(".senders > div")
    expect(legend.nth(0)).to_contain_text(re.compile(f"booking · {bookings.BOOKING}.*booking-api 5 spans, 1 failed.*booking-publisher 2 spans"))
    expect(legend.nth(1)).to_contain_text(re.compile(f"Account {bookings.MILEAGE}.*mileage-accrual 2 spans.*mileage-api 2 spans"))
    colour = lambda locator: locator.evaluate("shape => getComputedStyle(shape).fill")
    swatches = {service: colour(page.locator("dd", has_text=service).locator(".swatch").first) for service in ("booking-api", "booking-publisher", "mileage-accrual", "mileage-api")}
    assert len(set(swatches.values())) == 4
    assert colour(row(page, ACCRUAL).locator(".bar .span")) == swatches["mileage-accrual"]
    expect(row(page, ACCRUAL).locator(".sender")).to_have_text(f"mileage-accrual · {bookings.MILEAGE}")


def test_spans_are_found_by_name_and_attribute(page):
    """The first that was found comes into sight, even out of a fold; the next and the one before are a click away."""
    opened(page)
    page.get_by_role("button", name="Fold all", exact=True).click()
    page.get_by_label("Find spans").fill("db.collection.name=")
    page.get_by_role("button", name="Find spans").click()
    expect(page.locator(".told")).to_have_text("1 of 3 spans found.")
    expect(active(page)).to_have_id(f"span-{THROTTLED}")
    page.get_by_role("button", name="Next span").click()
    expect(active(page)).to_have_id(f"span-{RETRIED}")
    page.get_by_role("button", name="Previous span").click()
    page.get_by_role("button", name="Previous span").click()
    expect(active(page)).to_have_id(f"span-{ORPHAN}")
    expect(page.locator(".row.match")).to_have_count(3)
    page.get_by_label("Find spans").fill("nothing at all")
    page.keyboard.press("Enter")
    expect(page.locator(".told")).to_have_text("No span was found.")


def test_what_is_looked_for_stays_in_the_address(page):
    """With the chosen span, so that both can be sent to somebody."""
    opened(page, query="?find=ledger")
    expect(page.locator(".told")).to_have_text("1 of 1 spans found.")
    page.get_by_label("Find spans").fill("db.collection.name=")
    page.keyboard.press("Enter")
    expect(page.locator(".told")).to_have_text("3 of 3 spans found.")
    row(page, RETRIED).click()
    expect(page.get_by_role("complementary").get_by_text(RETRIED)).to_be_visible()
    assert page.url.endswith(f"?find=db.collection.name%3D&span={RETRIED}")
    page.reload()
    expect(page.locator(".row.match")).to_have_count(3)
    expect(row(page, RETRIED)).to_have_attribute("aria-selected", "true")


def test_a_search_says_how_many_match_and_what_is_wrong_with_it(page):
    page.troubles.answers_may_fail = True
    opened(page, LARGE)
    page.get_by_label("Find spans").fill("step")
    page.keyboard.press("Enter")
    expect(page.locator(".told")).to_have_text("1 of 50,000 spans found; the first 5,000 are stepped through.", timeout=PATIENT)
    page.get_by_label("Find spans").fill("ä" * 200)
    page.keyboard.press("Enter")
    expect(page.locator(".told")).to_have_text("find: 256 bytes at most", timeout=PATIENT)
    expect(page.locator(".row.match")).to_have_count(0)


def test_fifty_thousand_spans_stay_few_rows_and_any_can_be_chosen(page):
    """Whatever is scrolled to, folded or found, some dozen rows are in the document; the last can be reached, and one in the middle."""
    tree = opened(page, LARGE)
    few = lambda: rows(page).count() < 200
    assert few()
    expect(tree).to_have_attribute("aria-rowcount", str(waterfalls.SPANS + 1))
    tree.focus()
    page.keyboard.press("End")
    expect(active(page)).to_have_attribute("aria-rowindex", str(waterfalls.SPANS + 1))
    expect(active(page)).to_be_in_viewport()
    assert few()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel.get_by_role("row", name=re.compile("^n"))).to_contain_text("50000", timeout=PATIENT)
    page.get_by_label("Find spans").fill("n=31415")
    page.get_by_role("button", name="Find spans").click()
    expect(page.locator(".told")).to_have_text("1 of 1 spans found.", timeout=PATIENT)
    active(page).click()
    expect(panel.get_by_role("row", name=re.compile("^n"))).to_contain_text("31415", timeout=PATIENT)
    page.get_by_role("button", name="Fold all", exact=True).click()
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Unfold to depth").select_option("1")
    expect(tree).to_have_attribute("aria-rowcount", str(1_010 + 1))
    assert few()
    tree.evaluate("tree => tree.scrollTo(0, tree.scrollHeight / 2)")
    expect(page.locator(".row[aria-rowindex='501']")).to_be_visible()
    assert few()


def test_hostile_names_are_text(page):
    """Markup is shown, what commands a terminal is escaped, what is long is cut, and nothing makes the page wider."""
    opened(page, HOSTILE, f"?span={span_id(2)}")
    expect(page.locator("#main img")).to_have_count(0)
    assert names(page)[:2] == [waterfalls.MARKUP, "\\u001b[2J\\u202egnp.exe"]
    assert no_wider_than_the_window(page)
    row(page, span_id(1)).click()
    expect(page.get_by_role("complementary")).to_contain_text("\\u001b[2J\\u202egnp.exe")
    assert not re.search("[\x1b\u202e]", page.content())
    row(page, span_id(3)).click()
    expect(page.get_by_role("complementary")).to_contain_text("x" * 5_000)
    assert no_wider_than_the_window(page)


@pytest.mark.parametrize("viewport", [(390, 844)], ids=["phone"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(page):
    """Name above bar; the chosen span is a sheet that leaves some of the list in sight."""
    opened(page)
    assert names(page) == NAMES and no_wider_than_the_window(page)
    assert bar(page, THROTTLED) == pytest.approx((15 / 400, 90 / 400), abs=0.02)
    row(page, THROTTLED).click()
    panel = page.get_by_role("complementary", name="Chosen span")
    expect(panel.get_by_role("heading", level=2)).to_be_in_viewport()
    expect(page.locator(".tree .heads")).to_be_in_viewport()
    assert no_wider_than_the_window(page)
    panel.get_by_role("link", name="Close").click()
    expect(panel).to_be_hidden()


@pytest.fixture
def plain(browser, control_plane):
    """A page of a browser that runs no scripts."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    yield watch(context.new_page())
    context.close()


def test_without_a_script_rows_are_links_to_pages_with_the_panel(plain):
    plain.goto(f"/traces/{TRACE}")
    items = plain.locator("ol.waterfall li")
    assert items.locator(".name").all_inner_texts() == NAMES
    items.nth(2).get_by_role("link").click()
    expect(plain.get_by_role("complementary", name="Chosen span").get_by_role("heading", level=2)).to_have_text("DynamoDB.TransactWriteItems")
    assert plain.url.endswith(f"?span={THROTTLED}#span-{THROTTLED}")
    plain.get_by_label("Find spans").fill("ledger")
    plain.get_by_role("button", name="Find spans").click()
    expect(plain.get_by_role("status").filter(has_text="spans")).to_contain_text("1 of 11 spans have “ledger”")
    expect(items).to_have_count(1)
    items.get_by_role("link").click()
    expect(plain.get_by_role("complementary", name="Chosen span")).to_contain_text(ORPHAN)
    expect(items).to_have_count(1)


def test_without_a_script_fifty_thousand_spans_are_a_hundred_pages(plain):
    plain.goto(f"/traces/{LARGE}")
    pages = plain.get_by_role("navigation", name="Pages of spans").get_by_role("link")
    expect(pages).to_have_count(100)
    pages.last.click()
    expect(plain.locator("ol.waterfall li")).to_have_count(500)
    last = plain.locator("ol.waterfall li").last
    last.get_by_role("link").click()
    expect(plain.get_by_role("complementary", name="Chosen span")).to_contain_text(span_id(waterfalls.SPANS))
