"""Everything works without a mouse, and the focus can be seen."""

import datetime
import re

from playwright.sync_api import expect

TODAY = datetime.datetime.now(datetime.UTC).date()
DAYS = [TODAY + datetime.timedelta(days=days) for days in range(1, 60)]
# Browsers differ in whether the day or the month comes first.
WHATEVER_COMES_FIRST = next(day for day in DAYS if day.day == day.month)

NAME = """(() => {
  const e = document.activeElement;
  return e.getAttribute('aria-label') || (e.labels && e.labels[0] && e.labels[0].innerText) || e.innerText || '';
})()"""


def tab_to(page, name):
    for _ in range(40):
        page.keyboard.press("Tab")
        if re.search(name, page.evaluate(NAME)):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"no way to {name!r} by Tab")


def test_from_sign_in_to_the_miles(page, cloud):
    """Tab, arrows, Enter and typing are enough; Tab takes the airport that is highlighted along."""
    user = cloud.user("acme")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    tab_to(page, "^Email$")
    page.keyboard.type(user["username"])
    tab_to(page, "^Password$")
    page.keyboard.type(user["password"])
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Book a flight")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    tab_to(page, "^From$")
    page.keyboard.type("singapore")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    page.keyboard.press("Control+A")
    page.keyboard.type("sin")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("SIN Singapore")
    tab_to(page, "^To$")
    page.keyboard.type("sydney")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-activedescendant", "to_airport-option-0")
    tab_to(page, "^Departure$")
    expect(page.get_by_label("To", exact=True)).to_have_value("SYD Sydney")
    page.keyboard.type(f"{WHATEVER_COMES_FIRST:%d%m%Y}")
    expect(page.get_by_label("Departure")).to_have_value(WHATEVER_COMES_FIRST.isoformat())
    tab_to(page, "^Passenger$")
    page.keyboard.type("No Mouse")
    tab_to(page, "^Book$")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your flight is booked")
    expect(page.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    tab_to(page, "^Open in control plane")

    page.evaluate("document.querySelector('h1').focus()")
    tab_to(page, "^Cancel this booking$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Cancel this booking?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel this booking")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Yes, cancel it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your booking is cancelled")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_the_content_can_be_skipped_to(page):
    """Past the navigation, without leaving the route."""
    page.goto("/#/register")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.url.endswith("#/register")
