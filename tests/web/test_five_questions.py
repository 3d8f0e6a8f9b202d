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
        with story.told(server):
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


def test_what_sets_failing_requests_apart(page):
    """From an alert: the table and the version that they have in common come first, how they failed is told once, and each value leads to its traces."""
    clicks = Clicks(page, f"/tenant?id={story.FAILING}")
    alert = page.get_by_role("listitem").filter(has_text=f"{story.FAILING} (standard)").filter(has_text="requests failed in 5 minutes")
    clicks.click(alert.get_by_role("link", name="Why?", exact=True))
    causes = page.get_by_role("region", name="What they have in common").get_by_role("row")
    expect(causes.nth(1)).to_contain_text(story.TABLE)
    expect(page.get_by_role("status")).to_contain_text(story.TABLE)
    expect(page.get_by_role("region", name="How they failed").get_by_role("row")).to_have_count(2)
    clicks.click(causes.nth(1).get_by_role("link").first)
    expect(page.get_by_role("status")).to_contain_text("traces match")
    clicks.click(page.get_by_role("row").nth(1).get_by_role("link").first)
    expect(page.get_by_role("main")).to_contain_text("does not have the specified index")


def test_a_command_says_what_sets_failing_requests_apart(control_plane):
    """The same from `control-plane why`: the table, in that version."""
    said = control_plane.ask("why", "--tenant", story.FAILING).splitlines()[0]
    assert story.TABLE in said and story.VERSION in said, said


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


def test_a_booking_without_miles_is_found_where_it_stopped(page):
    """From any page: its number leads to its trace, which says where the message was given up, and why."""
    clicks = Clicks(page, "/")
    clicks.enter(page.get_by_role("textbox", name="Find", exact=True), story.STRANDED)
    expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}"))
    stopped = page.get_by_role("main").get_by_text("It reached")
    expect(stopped).to_contain_text("delivered 3 times and failed each time")
    expect(stopped).to_contain_text(story.DEAD_LETTERS)


def test_a_command_says_where_a_booking_stopped(control_plane):
    """The same from `control-plane find`."""
    said = control_plane.ask("find", story.STRANDED)
    assert re.search(f"delivered 3 times and failed each time.*{story.DEAD_LETTERS}", said), said


def test_which_operation_is_slow_and_that_it_was_not_before(page):
    """From a tenant's p99: its operations, the slowest first, beside the hour before."""
    clicks = Clicks(page, f"/tenant?id={story.SLOW}")
    clicks.click(page.get_by_role("link", name="Its operations, now and before"))
    slowest = page.get_by_role("region", name="Values").get_by_role("row").nth(1)
    expect(slowest).to_contain_text(story.OPERATION)
    expect(slowest.locator(".fault")).to_have_count(1)


def test_where_an_operation_is_slow(page):
    """From the same page: the operation, and the region that it is slow in."""
    clicks = Clicks(page, f"/tenant?id={story.SLOW}")
    clicks.click(page.get_by_role("link", name="Why are they slow?", exact=True))
    found = page.get_by_role("status")
    expect(found).to_contain_text(story.OPERATION)
    expect(found).to_contain_text(story.REGION)


def test_a_command_says_which_operation_is_slow_and_how_it_was_before(control_plane):
    """The same from `control-plane groups`."""
    said = control_plane.ask("groups", "--by", "span.name", "--tenant", story.SLOW, "--order", "slowest")
    slowest = said.splitlines()[1]
    now, before = (float(number) for number in re.findall(r"([\d.]+) ms", slowest)[-2:])
    assert story.OPERATION in slowest and now > 5 * before, said


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


def test_whoever_guesses_booking_numbers_is_found(page):
    """From the alert: whose requests were turned away, their traces, and one of them, in three clicks."""
    clicks = Clicks(page, f"/tenant?id={story.GUESSED}")
    alert = page.get_by_role("listitem").filter(has_text="requests were turned away in 5 minutes").first
    expect(alert).to_contain_text("no_such_booking")
    clicks.click(alert.get_by_role("link", name=re.compile("that were turned away")))
    expect(page.get_by_role("form", name="Which requests").get_by_label("Reason")).to_have_value("no_such_booking")
    line = page.get_by_role("region", name="Who was turned away").get_by_role("row").nth(1)
    expect(line).to_contain_text(story.GUESSER)
    clicks.click(line.get_by_role("link", name="Its traces"))
    expect(page.get_by_role("status")).to_contain_text("traces match")
    clicks.click(page.get_by_role("row").nth(1).get_by_role("link").first)
    expect(page.get_by_role("main")).to_contain_text("GET /bookings/{number}")
    assert len(clicks.made) == 3


def test_a_command_says_who_guesses_booking_numbers(control_plane):
    """The same from `control-plane turned-away`."""
    said = control_plane.ask("turned-away", "--reason", "no_such_booking")
    assert re.search(f"{story.GUESSED}.*{re.escape(story.GUESSER)}.*no_such_booking.*404", said), said


def test_whoever_tries_without_a_token_is_seen_by_their_network(page):
    """Below who was turned away: by API, reason and network, and of nobody."""
    page.goto("/turned-away")
    refused = page.get_by_role("region", name="What was refused before anybody was known").get_by_role("row").nth(1)
    expect(refused).to_contain_text("unauthorized (401)")
    expect(refused).to_contain_text("198.51.100.0/24")
    expect(page.get_by_role("main")).not_to_contain_text("198.51.100.23")
    refused.get_by_role("link", name="198.51.100.0/24").click()
    expect(page.get_by_label("Network")).to_have_value("198.51.100.0/24")
    expect(refused).to_contain_text("198.51.100.0/24")


def test_a_command_says_who_tries_without_a_token(control_plane):
    """The same from `control-plane turned-away --unverified`."""
    said = control_plane.ask("turned-away", "--unverified")
    assert re.search(r"unauthorized.*401.*simulated-booking.*198\.51\.100\.0/24", said), said
