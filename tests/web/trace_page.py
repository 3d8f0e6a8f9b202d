"""The page of a trace, as tests use it."""

from playwright.sync_api import expect

from waterfalls import TRACE

# Milliseconds: 50,000 spans are read for each answer, and the machine may be busy with others.
PATIENT = 30_000


def opened(page, trace=TRACE, query=""):
    """The list of spans, once the script has drawn it."""
    page.goto(f"/traces/{trace}{query}")
    expect(page.locator("#waterfall[data-ready]")).to_be_attached(timeout=PATIENT)
    return page.get_by_role("treegrid", name="Spans")


def rows(page):
    return page.locator(".tree .rows .row")


def names(page):
    """The names of the rows that are drawn, from above to below."""
    return rows(page).evaluate_all("rows => rows.toSorted((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(row => row.querySelector('.name').textContent)")


def row(page, span):
    return page.locator(f".rows #span-{span}")


def active(page):
    """The row that keys are about."""
    return page.locator(".rows .row.active")


def drawn_again(page):
    """Waits until what was asked for before is drawn: the script draws with the browser's next frame."""
    page.evaluate("() => new Promise(requestAnimationFrame)")


def bar(page, span):
    """Left and right edge of a bar, as shares of the time axis."""
    drawn_again(page)
    of = lambda part: row(page, span).locator(part).bounding_box()
    axis, drawn = of(".bar"), of(".bar .span")
    return (drawn["x"] - axis["x"]) / axis["width"], (drawn["x"] + drawn["width"] - axis["x"]) / axis["width"]


def no_wider_than_the_window(page):
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return width <= room
