"""Which tenant is hurting: worst first, and in three clicks at its slow span."""

import re
import time

import pytest
from playwright.sync_api import expect

import bookings

SIZES = pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])


@pytest.fixture(autouse=True)
def judged(control_plane):
    """Bookings of five minutes that have closed, and their evaluation."""
    bookings.send(control_plane.url, ago=700)
    for _ in range(300):
        if len(control_plane.get("/api/slo")["tenants"]) == len(bookings.TENANTS):
            return
        time.sleep(0.2)
    raise AssertionError("the tenants were not evaluated")


@SIZES
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_three_clicks_from_the_tenants_to_the_slow_span(page):
    """The list, the tenant, its slowest trace; there the slow span is named."""
    page.goto("/tenants")
    expect(page.get_by_role("region", name="Tenants")).to_contain_text("globex")
    page.get_by_role("link", name="globex", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenant globex")
    expect(page.get_by_role("slider", name=re.compile("^p99 over time"))).to_be_visible()
    page.get_by_role("region", name="Slowest traces").get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(f"Most of the time was spent in {bookings.SLOW_SPAN}")


@SIZES
@pytest.mark.parametrize("path", ["/tenants", "/tenant?id=globex", "/cost", "/tenants?name=glo&tier=standard&live=on"])
def test_pages_fit_their_window(page, path):
    """They load, with a heading, and do not scroll sideways."""
    assert page.goto(path, wait_until="domcontentloaded").ok
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_tenants_can_be_narrowed(page):
    """By name and by tier."""
    page.goto("/tenants")
    page.get_by_label("Name contains").fill("oce")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("region", name="Tenants")).to_contain_text("oceanic")
    expect(page.get_by_role("region", name="Tenants")).not_to_contain_text("globex")
