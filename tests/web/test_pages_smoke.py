"""The first page is fit for a phone and a desk, by day and by night, empty or not."""

import re

import pytest
from playwright.sync_api import expect

from journey import journey

pytestmark = [
    pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"]),
    pytest.mark.parametrize("color_scheme", ["light", "dark"]),
]


@pytest.fixture(autouse=True, params=["empty", "one trace"])
def first_page(request, control_plane, page):
    """The page answers, and its console stays free of errors: see `pytest_runtest_call`."""
    if request.param == "one trace":
        control_plane.send(journey(), "python-protobuf")
    assert page.goto("/", wait_until="networkidle").ok


def test_nothing_scrolls_sideways(page):
    """The document is no wider than the window."""
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room


def test_a_screen_reader_finds_its_way(page):
    """There are a language, one first heading, and landmarks to jump to."""
    expect(page.locator("html")).to_have_attribute("lang", re.compile(r"^[a-z]{2}"))
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for landmark in ("banner", "main"):
        expect(page.get_by_role(landmark)).to_have_count(1)
