"""Is it one tenant or everybody, and since which deployment; which tenants are dear, and why: said where one looks first."""

import re
import time

import pytest
from playwright.sync_api import expect

import incident

SIZES = pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])


@pytest.fixture
def judged(control_plane):
    """An incident of the last five minutes that were judged, and when these ended."""
    ended = incident.send(control_plane.url)
    for _ in range(100):
        answer = control_plane.get("/api/slo")
        if len(answer["tenants"]) == len(incident.TENANTS) and answer["at"] == ended:
            return ended
        if answer["at"] > ended:
            # Five minutes closed meanwhile: nobody had requests in them.
            ended = incident.send(control_plane.url)
        time.sleep(0.2)
    raise AssertionError("the tenants were not evaluated")


def time_of_day(unix):
    return time.strftime("%H:%M UTC", time.gmtime(unix))


@SIZES
def test_the_tenants_list_says_who_hurts_and_since_when(page, judged):
    """Above the list; from there one click leads to the tenant at the time at which it began."""
    page.goto("/tenants")
    hurting = page.get_by_role("region", name="Who is hurting")
    expect(hurting).to_contain_text("2 of 6 tenants are hurting")
    expect(hurting).to_contain_text(f"cirrus fails since {time_of_day(judged - incident.FAILING_SINCE)}")
    expect(hurting).to_contain_text(f"borealis is slow since {time_of_day(judged - incident.SLOW_SINCE)}")
    expect(hurting).to_contain_text("Everybody else is within their objectives.")
    hurting.get_by_role("link", name=re.compile("^fails since")).click()
    expect(page).to_have_url(re.compile("id=cirrus"))
    begins = time.strftime("%Y-%m-%dT%H%%3A%M", time.gmtime(judged - incident.FAILING_SINCE - 1_800))
    expect(page).to_have_url(re.compile(f"from={begins}"))


def test_only_the_cell_at_fault_is_red_and_the_worst_come_first(page, judged):
    """Who fails has a red share of failures and a p99 like others'; who is slow the other way round."""
    page.goto("/tenants")
    rows = page.get_by_role("region", name="Tenants").get_by_role("row")
    names = [row.split("\t")[0] for row in rows.all_inner_texts()[1:]]
    assert set(names[:2]) == {"borealis", "cirrus"}
    row = lambda name: page.get_by_role("region", name="Tenants").get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
    heads = [head.strip() for head in page.get_by_role("region", name="Tenants").get_by_role("columnheader").all_inner_texts()]

    def red(name):
        cells = row(name).get_by_role("cell")
        return {heads[index] for index in range(cells.count()) if "fault" in (cells.nth(index).get_attribute("class") or "")}

    assert "Failed, 5 min" in red("cirrus") and "p99, 5 min" not in red("cirrus")
    assert "p99, 5 min" in red("borealis") and "Failed, 5 min" not in red("borealis")
    assert red("acme") == set()
    expect(row("acme")).to_contain_text("99.9 % not failed, 99 % within 1.00 s")


@SIZES
def test_the_cost_page_says_why_the_dearest_are_dear(page, control_plane, judged):
    """A sentence for each of the first five, and in the table what it spends most on; from there to the tenant."""
    page.goto("/cost")
    dearest = page.get_by_role("listitem").filter(has_text="of the cost with")
    expect(dearest).to_have_count(5)
    expect(dearest.first).to_contain_text("fornax")
    expect(dearest.first).to_contain_text(re.compile(r"16\.7 % of the requests: POST /bookings of booking-api takes [0-9.]+ times as long as for others"))
    expect(dearest.first).to_contain_text(re.compile("(more|less) than in the 31 days before|cost nothing in the 31 days before"))
    fornax = page.get_by_role("region", name="Tenants").get_by_role("row").nth(1)
    expect(fornax).to_contain_text("POST /bookings of booking-api")
    answer = control_plane.get("/api/cost?window=30d")
    assert [dear["tenant"] for dear in answer["dearest"]][0] == "fornax" and answer["dearest"][0]["driver"]["is_slower"]
    assert len(answer["dearest"]) == len(incident.TENANTS)
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    dearest.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("fornax")
