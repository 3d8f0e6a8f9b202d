"""Is it one tenant or everybody, and since which deployment; what is wrong with one; which tenants are dear, and why: said where one looks first."""

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
        # It may have been evaluated while only a part had come; that is mended some seconds later.
        if answer["at"] >= ended and answer["hurting"]["of"] == len(incident.TENANTS):
            return ended
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
    since, new = time_of_day(judged - incident.FAILING_SINCE), time_of_day(judged - incident.DEPLOYED)
    expect(hurting).to_contain_text(f"cirrus has been failing since {since}; booking-api 42 was new at {new}")
    expect(hurting).to_contain_text(f"borealis has been slow since {time_of_day(judged - incident.SLOW_SINCE)}")
    expect(hurting).to_contain_text("Nobody else is hurting.")
    assert page.request.get(hurting.get_by_role("link", name="What has changed since?").first.get_attribute("href")).ok
    hurting.get_by_role("link", name=re.compile("^has been failing since")).click()
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
    expect(row("acme")).to_contain_text("99.9 % succeed, 99 % within 1 s")
    expect(row("acme")).to_contain_text("100 %, goal 99 %")
    expect(row("acme")).to_contain_text("well")


@SIZES
def test_the_cost_page_says_why_the_dearest_are_dear(page, control_plane, judged):
    """A sentence for each of the first five, and in the table what it spends most on; from there to the tenant."""
    page.goto("/cost")
    dearest = page.get_by_role("listitem").filter(has_text="of the cost with")
    expect(dearest).to_have_count(5)
    expect(dearest.first).to_contain_text("fornax")
    expect(dearest.first).to_contain_text(re.compile(r"16\.7 % of the requests: POST /bookings of booking-api takes [0-9.]+ times as long as for others"))
    expect(dearest.first).to_contain_text(re.compile("(more|less) than in the 31 days before|times as much as in the 31 days before"))
    fornax = page.get_by_role("region", name="Tenants").get_by_role("row").nth(1)
    expect(fornax).to_contain_text("POST /bookings of booking-api")
    answer = control_plane.get("/api/cost?window=30d")
    assert [dear["tenant"] for dear in answer["dearest"]][0] == "fornax" and answer["dearest"][0]["driver"]["is_slower"]
    assert len(answer["dearest"]) == len(incident.TENANTS)
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    dearest.first.get_by_role("link", name="fornax").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("fornax")


@SIZES
def test_the_cockpit_of_a_tenant_says_how_it_is(page, control_plane, judged):
    """State and since when, what was promised, its users, what failed before what was slow."""
    page.goto(f"/tenant?id=cirrus&from={judged - incident.HOUR}&to={judged}")
    main = page.locator("main")
    expect(main).to_contain_text(f"It is hurting, since {time_of_day(judged - incident.FAILING_SINCE)}: 8 of 40 requests of the last five minutes failed.")
    expect(main).to_contain_text("99.9 % succeed, 99 % within 1 s")
    expect(main.locator(".facts div", has_text="Users in the window")).to_contain_text(str(incident.USERS))
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert headings.index("Alerts") < headings.index("Failed traces") < headings.index("Slowest traces") < headings.index("Cost")
    failed = page.get_by_role("region", name="Failed traces")
    expect(failed.get_by_role("row")).to_have_count(1 + 10)
    assert set(failed.locator("td.fault").all_inner_texts()) == {"fault"}
    expect(main).to_contain_text("The latest 10 of 24 failed traces.")
    expect(page.get_by_role("slider", name=re.compile("^Burn rate"))).to_be_visible()
    cost = page.get_by_role("region", name="Cost by operation")
    expect(cost.get_by_role("row")).to_have_count(1 + 2)
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    answer = control_plane.get(f"/api/tenants/cirrus?from={judged - incident.HOUR}&to={judged}")
    assert answer["users"] == {"at_least": incident.USERS, "traces": answer["users"]["of"], "of": answer["users"]["of"]}
    assert answer["failed"]["matched"] == 24 and answer["now"]["hurt_since"] == judged - incident.FAILING_SINCE


def test_it_is_said_why_no_alert_is_open(page, control_plane, judged):
    """For each rule, how far the tenant is from it; what is said to be open is open."""
    page.goto("/tenant?id=acme")
    page.get_by_text("Why none is open").click()
    main = page.locator("main")
    expect(main).to_contain_text("0 % of requests failed in 5 minutes (0 of 40); it opens above 1 %.")
    expect(main).to_contain_text("Its usual p99 is not known yet: it takes 3 days with 200 requests each.")
    expect(main).to_contain_text(re.compile(r"The budget burns at 0\.0 over 5 minutes and 0\.0 over 1 hour \(0 of \d+ requests failed\); it opens above 14\.4 in both\."))
    conditions = {line["condition"]: line for line in control_plane.get("/api/tenants/cirrus")["conditions"]}
    alerts = {alarm["condition"] for alarm in control_plane.get("/api/alerts?tenant=cirrus") if alarm["closed"] is None}
    assert alerts and {name for name, line in conditions.items() if line["opened"]} == alerts
    page.goto("/tenant?id=cirrus")
    window = page.get_by_role("link", name=re.compile(r"^failed requests of cirrus, \d{4}-\d\d-\d\d \d\d:\d\d–")).first
    expect(window).to_have_attribute("href", re.compile("from=20.*Z&to=20.*Z"))
