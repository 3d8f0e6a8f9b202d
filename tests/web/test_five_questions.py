"""Why is this tenant hurting? The questions of whoever is on call, answered on the demo's data: by four clicks at most, and by one command."""

import re

import pytest
from playwright.sync_api import expect

import story
from clicks import Clicks
from control_plane import ControlPlane


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    """A control plane that knows the demo's story."""
    server = ControlPlane(tmp_path_factory.mktemp("story"), story.PRICES)
    try:
        story.send(server)
        yield server
    finally:
        server.stop()


def test_a_fifth_click_is_one_too_many(page):
    """The tests below would fail on a longer way."""
    clicks = Clicks(page, "/tenants")
    for name in ("Service map", "Traces", "Tenants", "Cost"):
        clicks.click(page.get_by_role("navigation").get_by_role("link", name=name, exact=True))
    with pytest.raises(AssertionError, match="more than 4 clicks"):
        clicks.click(page.get_by_role("link", name="Service map", exact=True))


def test_it_is_one_tenant_and_since_a_deployment(page):
    """From the tenants: how many of them hurt, since when, and which version came before."""
    clicks = Clicks(page, "/tenants")
    hurting = page.get_by_role("region", name="Who is hurting")
    expect(hurting).to_contain_text("2 of 8 tenants")
    failing = hurting.get_by_role("listitem").filter(has_text=story.FAILING)
    expect(failing).to_contain_text(story.VERSION)
    clicks.click(failing.get_by_role("link", name=story.FAILING, exact=True))
    expect(page.get_by_role("heading", level=1)).to_contain_text(story.FAILING)


def test_a_command_says_whether_it_is_one_tenant(control_plane):
    """The same from `control-plane slo`."""
    said = control_plane.ask("slo")
    assert re.search(f"{story.FAILING}.*{re.escape(story.VERSION)}", said), said


def test_the_dearest_tenants_and_why(page):
    """From the cost page: five, the dearest first, with the operation that makes it so; and the tenant is a click away."""
    clicks = Clicks(page, "/cost")
    reasons = page.get_by_role("main").locator("ol").get_by_role("listitem")
    expect(reasons).to_have_count(5)
    expect(reasons.first).to_contain_text(story.DEAR)
    expect(reasons.first).to_contain_text(story.EXPORTS)
    clicks.click(reasons.first.get_by_role("link", name=story.DEAR, exact=True))
    expect(page.get_by_role("heading", level=1)).to_contain_text(story.DEAR)


def test_a_command_says_who_is_dear_and_why(control_plane):
    """The same from `control-plane cost`."""
    said = control_plane.ask("cost")
    assert re.search(f"^{story.DEAR}: .*{story.EXPORTS}", said, re.MULTILINE), said
