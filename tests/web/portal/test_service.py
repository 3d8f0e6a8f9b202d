"""The Service page shows a tenant's admins what an operator sees of their tenant, and nobody else anything."""

import base64
import json
import math
import re
import time
import urllib.parse
import urllib.request
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

import history
from local_cloud import LocalCloud
from steps import book, sign_in

TENANTS = ("acme", "globex", "oceanic")
PASSWORD = "Service-page-1"


@pytest.fixture(scope="module")
def cloud():
    """A cloud of its own, since what was is judged once, when the first spans come: those of an hour."""
    cloud = LocalCloud()
    try:
        history.send(cloud.outputs["control_plane_url"])
        end = time.monotonic() + 60
        while len(operator_sees(cloud, "/api/slo")["tenants"]) < len(TENANTS):
            assert time.monotonic() < end, "nobody was judged"
            time.sleep(0.2)
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="module")
def portal(built_portal, cloud):
    """Where the portal of that cloud is."""
    return SimpleNamespace(url=cloud.outputs["portal_url"])


def operator_sees(cloud, path: str):
    """What the control plane's API answers to those who run the system."""
    headers = {"authorization": f"Bearer {cloud.outputs['control_plane_key']}"}
    with urllib.request.urlopen(urllib.request.Request(cloud.outputs["control_plane_url"] + path, headers=headers), timeout=60) as answer:
        return json.load(answer)


def new_user(cloud, name: str, tenant: str, role: str) -> dict:
    """Somebody who can sign in at once."""
    username = f"{name}@{tenant}.example"
    claims = {"email": username, "custom:tenant-id": tenant, "custom:tier-level": "basic", "custom:role": role}
    attributes = [{"Name": name, "Value": value} for name, value in claims.items()]
    cloud.administer("AdminCreateUser", Username=username, UserAttributes=attributes, MessageAction="SUPPRESS")
    cloud.administer("AdminSetUserPassword", Username=username, Password=PASSWORD, Permanent=True)
    return {"username": username, "password": PASSWORD}


def open_service(page):
    """By the navigation; what the page asks the control plane for is in `page.asked` from now on."""
    page.asked = []
    page.on("request", lambda request: "/api/" in request.url and page.asked.append(request))
    page.get_by_role("link", name="Service", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Service")
    loaded(page)


def loaded(page):
    expect(page.get_by_role("status").filter(has_text="As of")).to_be_visible()
    expect(page.locator(".service")).to_have_attribute("aria-busy", "false")


def asked_for(page, path: str, **wanted) -> dict:
    """The query of the last question to this path with these parameters."""
    found = [urllib.parse.urlsplit(request.url) for request in page.asked if request.method == "GET"]
    queries = [dict(urllib.parse.parse_qsl(url.query)) for url in found if url.path == path]
    return [query for query in queries if wanted.items() <= query.items()][-1]


def section(page, heading: str):
    return page.locator("section").filter(has=page.get_by_role("heading", level=2, name=re.compile(heading)))


def percent(share: float) -> str:
    """Rounded down to two digits, as long as that leaves some."""
    down = math.floor(share * 10_000 + 1e-6) / 100
    return f"{down:g} %"


def number(value: float) -> str:
    return f"{math.floor(value + 0.5):,}"


@pytest.mark.parametrize("tenant", TENANTS)
def test_what_a_tenants_admin_sees_is_what_an_operator_sees(page, cloud, tenant):
    """Promises, incidents, totals, figures over time, usage, failed and slow requests, and who was turned away."""
    sign_in(page, cloud.user(tenant))
    open_service(page)
    window = asked_for(page, f"/api/tenants/{tenant}")
    seen = operator_sees(cloud, f"/api/tenants/{tenant}?{urllib.parse.urlencode(window)}")

    evaluation = seen["now"]["evaluation"]
    budget, objectives = evaluation["budget"], evaluation["objectives"]
    promised = section(page, "What was promised")
    answered = promised.get_by_role("listitem").filter(has_text="answered without failure")
    expect(answered).to_contain_text(percent(1 - budget["failed"] / budget["requests"]))
    expect(answered).to_contain_text(f"promised {percent(objectives['availability']['target'])}")
    expect(answered).to_contain_text("Kept" if budget["consumed"] <= budget["allowed"] else "Not kept")
    quick = promised.get_by_role("listitem").filter(has_text="answered within")
    expect(quick).to_contain_text(f"{percent(evaluation['quick'])} promised {percent(objectives['latency']['target'])}")
    expect(quick).to_contain_text("Kept" if evaluation["quick"] >= objectives["latency"]["target"] else "Not kept")
    expect(promised.get_by_role("listitem").filter(has_text="Failures used")).to_contain_text(f"{budget['failed']} of ")

    incidents = section(page, "Incidents").get_by_role("listitem")
    alerts = operator_sees(cloud, f"/api/alerts?tenant={tenant}")
    expect(incidents).to_have_count(len(alerts))
    expect(incidents.filter(has_text=re.compile("^Open since"))).to_have_count(sum(alert["closed"] is None for alert in alerts))
    assert bool(alerts) == (tenant == "globex")

    requests = sum(point["summary"]["weight"] for point in seen["points"])
    failed = sum(point["summary"]["failed"] for point in seen["points"])
    over_time = section(page, "^Requests in")
    expect(over_time).to_contain_text(f"{number(requests)} requests, {number(failed)} failed")
    for chart in ("Requests per hour", "Failed requests per hour", "How long answers took"):
        expect(over_time.get_by_role("img", name=re.compile(f"^{chart}"))).to_be_visible()
    over_time.get_by_text("The figures behind the charts").click()
    rows = over_time.get_by_role("row").filter(has=page.get_by_role("rowheader"))
    cells = [row.get_by_role("cell").all_inner_texts()[:2] for row in rows.all()]
    assert cells == [[number(point["summary"]["weight"]), number(point["summary"]["failed"])] for point in seen["points"]]

    month = asked_for(page, "/api/cost")
    assert time.strftime("%d %H:%M:%S", time.gmtime(int(month["from"]))) == "01 00:00:00"
    cost = operator_sees(cloud, f"/api/cost?{urllib.parse.urlencode(month)}")
    used = sum(line["requests"] for line in cost["tenants"] if line["tenant"] == tenant)
    usage = section(page, f"^Usage and cost in {time.strftime('%B %Y', time.gmtime(int(month['from'])))}$")
    expect(usage).to_contain_text(f"{number(used)} requests")
    # In cents an operator's breakdown adds up to everybody's, which may give a tenant one that it alone would not have.
    assert 0 < sum(line["micros"] for line in cost["tenants"] if line["tenant"] == tenant) < 5_000
    expect(usage.locator(".totals")).to_contain_text("less than $0.01")
    own = [line for line in cost["lines"] if line["tenant"] == tenant]
    expect(usage.get_by_role("rowheader")).to_have_text([line["service"] for line in own])

    for heading, wanted in (("^Failed requests", {"status": "fault"}), ("^Slowest requests", {"order": "slowest"})):
        query = asked_for(page, "/api/traces", **wanted) | {"tenant": tenant}
        found = operator_sees(cloud, f"/api/traces?{urllib.parse.urlencode(query)}")["traces"]
        ids = [trace["trace_id"] for trace in found if trace["root"] != "look at the service"][:10]
        links = section(page, heading).get_by_role("link").all()
        assert [link.get_attribute("href").rsplit("/", 1)[1] for link in links] == ids
        assert all(link.get_attribute("href").startswith(cloud.outputs["control_plane_url"] + "/traces/") for link in links)
    window = asked_for(page, "/api/turned-away")
    refused = operator_sees(cloud, f"/api/turned-away?{urllib.parse.urlencode(window | {'tenant': tenant})}")
    turned_away = section(page, "^Turned away$")
    assert len(refused["lines"]) == (2 if tenant == "globex" else 0)
    if refused["lines"]:
        expect(turned_away.locator(".totals")).to_have_text(f"{number(refused['requests'])} requests were turned away.")
    else:
        expect(turned_away).to_contain_text("No request was turned away in this time.")
    words = {"no_such_booking": "No such booking, or somebody else's", "not_an_admin": "Only an admin may do this"}
    rows = turned_away.get_by_role("row").filter(has=page.get_by_role("rowheader"))
    expect(rows).to_have_count(len(refused["lines"]))
    for row, line in zip(rows.all(), refused["lines"], strict=True):
        expect(row.get_by_role("rowheader")).to_have_text(f"{words[line['reason']]}{line['operation']}, {line['service']}")
        expect(row.get_by_role("cell").nth(0)).to_have_text(number(line["requests"]))
        expect(row.get_by_role("cell").nth(2)).to_have_text(line["user"])
        assert row.get_by_role("link").get_attribute("href").endswith("/traces/" + line["trace_ids"][0])
    assert section(page, "^Failed requests").get_by_role("link").count() == (10 if tenant == "globex" else 0)


def test_it_brings_the_users_own_token_and_nothing_else(page, cloud):
    """No cookie, one trace for all it asks, and never again what it has been told."""
    user = cloud.user("acme")
    sign_in(page, user)
    open_service(page)
    asked = [request.all_headers() for request in page.asked if request.method == "GET"]
    assert len(asked) == 5
    assert len({headers["traceparent"].split("-")[1] for headers in asked}) == 1
    assert len({headers["authorization"] for headers in asked}) == 1
    assert not any({"cookie", "x-amzn-trace-id", "idempotency-key"} & headers.keys() for headers in asked)
    for request in page.asked:
        assert request.response().headers["cache-control"] == "no-store"


def test_whoever_is_no_admin_is_told_so(page, cloud):
    """No entry; whoever knows the address is refused by the control plane, and the rest goes on."""
    sign_in(page, new_user(cloud, "member", "acme", "member"))
    expect(page.get_by_role("link", name="Service", exact=True)).to_have_count(0)
    with page.expect_response("**/api/tenants/acme*") as answered:
        page.goto("/#/service")
    assert answered.value.status == 403
    expect(page.get_by_role("alert")).to_contain_text("This page is for the admins of acme.")
    expect(page.get_by_role("heading", level=2).filter(has_text="Incidents")).to_have_count(0)
    page.get_by_role("link", name="Book", exact=True).click()
    book(page)


def test_a_tenant_without_requests(page, cloud, check):
    """Every part of the page says that there is nothing yet."""
    sign_in(page, new_user(cloud, "founder", "newcomer", "admin"))
    open_service(page)
    expect(section(page, "What was promised")).to_contain_text("Nothing has been judged yet")
    expect(section(page, "Incidents")).to_contain_text("None is open.")
    expect(section(page, "^Requests in")).to_contain_text("No requests yet.")
    expect(section(page, "^Usage and cost in")).to_contain_text("0 requests, $0.00.")
    expect(section(page, "^Failed requests")).to_contain_text("No request failed in this time.")
    expect(section(page, "^Turned away$")).to_contain_text("No request was turned away in this time.")
    check("service-empty")


def test_another_time_and_a_refresh(page, cloud):
    """What is chosen is asked for, by mouse or by keyboard; a refresh asks again, until now."""
    sign_in(page, cloud.user("globex"))
    open_service(page)
    page.get_by_role("radio", name="Last hour").check()
    expect(section(page, "^Requests in the last hour$")).to_be_visible()
    loaded(page)
    window = asked_for(page, "/api/tenants/globex")
    assert int(window["to"]) - int(window["from"]) == 3_600
    page.keyboard.press("ArrowLeft")
    expect(section(page, "^Requests in the last 30 days$")).to_be_visible()
    expect(page.get_by_role("radio", name="30 days")).to_be_focused()
    loaded(page)
    before = len(page.asked)
    with page.expect_response("**/api/cost*"):
        page.get_by_role("button", name="Refresh").click()
    loaded(page)
    assert len([request for request in page.asked[before:] if request.method == "GET"]) == 5


def test_the_control_plane_is_away(page, cloud):
    """The page says so and keeps what it had; everything else works, and so does trying again."""
    sign_in(page, cloud.user("acme"))
    open_service(page)
    at_control_plane = re.compile(re.escape(cloud.outputs["control_plane_url"]) + "/api/")
    page.route(at_control_plane, lambda route: route.abort("connectionrefused"))
    page.get_by_role("button", name="Refresh").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The service cannot be reached at the moment.")
    expect(alert).to_contain_text("Booking and miles go on without it.")
    expect(section(page, "^Requests in")).to_contain_text("requests")
    page.get_by_role("link", name="Miles", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Miles")
    page.get_by_role("link", name="Service", exact=True).click()
    expect(alert).to_contain_text("The service cannot be reached at the moment.")
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Refresh").click()
    loaded(page)
    expect(alert).to_have_count(0)


def test_who_was_turned_away_cannot_be_told(page, cloud, check):
    """That section says so, with no line of another time in it; the rest of the page is there."""
    problem = {"status": 404, "content_type": "application/problem+json", "body": '{"status": 404}'}
    page.route("**/api/turned-away*", lambda route: route.fulfill(**problem, headers={"access-control-allow-origin": "*"}))
    sign_in(page, cloud.user("globex"))
    open_service(page)
    expect(section(page, "^Turned away$")).to_contain_text("The requests that were turned away cannot be shown at the moment.")
    expect(section(page, "^Turned away$").get_by_role("row")).to_have_count(0)
    expect(section(page, "^Requests in")).to_contain_text("requests")
    expect(page.get_by_role("alert")).to_have_count(0)
    check("service-turned-away-unknown")
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Refresh").click()
    loaded(page)
    expect(section(page, "^Turned away$").get_by_role("row").filter(has_text="eve")).to_have_count(1)


def test_many_that_were_turned_away(page, cloud):
    """The lines with the most requests; those with fewer are opened by keyboard, and whoever looks finds themselves."""
    token = cloud.sign_in(cloud.user("acme")).split(".")[1]
    own = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["sub"]

    def refused(place: int) -> dict:
        of = {"tenant": "acme", "user": None if place == 1 else own if place == 0 else f"user-{place}", "account": None}
        where = {"service": "booking-api", "operation": "POST /bookings", "status": 418, "reason": "418"}
        return of | where | {"requests": 100 - place, "first_unix_ns": 0, "last_unix_ns": 10**18, "trace_ids": []}

    def many(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"requests": 1_000, "more": True, "lines": [refused(place) for place in range(12)]})

    page.route("**/api/turned-away*", many)
    sign_in(page, cloud.user("acme"))
    open_service(page)
    turned_away = section(page, "^Turned away$")
    expect(turned_away).to_contain_text("1,000 requests were turned away.")
    expect(turned_away).to_contain_text("There are more.")
    users = turned_away.get_by_role("row").filter(has=page.get_by_role("rowheader"))
    expect(users).to_have_count(10)
    expect(users.nth(0)).to_contain_text("Answered with 418")
    expect(users.nth(0).get_by_role("cell").nth(2)).to_have_text("You")
    expect(users.nth(1).get_by_role("cell").nth(2)).to_have_text("Not known")
    turned_away.get_by_text("2 with fewer requests").focus()
    page.keyboard.press("Enter")
    expect(users).to_have_count(12)


def test_a_control_plane_that_does_not_know_the_sign_in(page, cloud):
    """A token that was renewed and is refused all the same says nothing of the session, which goes on."""
    sign_in(page, cloud.user("acme"))
    refusal = {"status": 401, "content_type": "application/problem+json", "body": "{}"}
    page.route("**/api/**", lambda route: route.fulfill(**refusal, headers={"access-control-allow-origin": "*"}))
    page.get_by_role("link", name="Service", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The control plane does not know your sign-in.")
    page.get_by_role("link", name="Book", exact=True).click()
    book(page)


def test_a_refused_token_is_renewed(page, cloud):
    """Once, without a word to the user."""
    refused = []

    def refuse_the_first(route):
        if refused:
            return route.continue_()
        refused.append(route.request.headers["authorization"])
        return route.fulfill(status=401, headers={"access-control-allow-origin": "*"}, body="{}")

    page.route("**/api/cost*", refuse_the_first)
    sign_in(page, cloud.user("acme"))
    open_service(page)
    tokens = [request.headers["authorization"] for request in page.asked if "/api/cost" in request.url and request.method == "GET"]
    assert len(tokens) == 2 and tokens[0] == refused[0] != tokens[1]
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_failed_request_leads_to_its_trace(page, cloud):
    """At the control plane, where the same admin signs in by a click and sees the trace."""
    sign_in(page, cloud.user("globex"))
    open_service(page)
    failed = section(page, "^Failed requests").get_by_role("link").first
    trace_id = failed.get_attribute("href").rsplit("/", 1)[1]
    with page.expect_popup() as opened:
        failed.click()
    control_plane = opened.value
    control_plane.locator("a[href*='/sign-in/tenants']").click()
    control_plane.get_by_role("button", name=re.compile("globex")).click()
    expect(control_plane).to_have_url(f"{cloud.outputs['control_plane_url']}/traces/{trace_id}")
    expect(control_plane.locator("main")).to_contain_text("POST /bookings")


def test_what_it_costs_where_there_are_prices(page, cloud):
    """The amounts that the control plane answers, and no price of a unit."""

    def priced(route):
        answer = route.fetch()
        cost = answer.json() | {"currency": "EUR"}
        for share in (cost["total"], *cost["services"]):
            share |= {"micros": 12_340_000, "cents": 1_234}
        route.fulfill(response=answer, json=cost)

    page.route("**/api/cost*", priced)
    sign_in(page, cloud.user("acme"))
    open_service(page)
    usage = section(page, "^Usage and cost in")
    expect(usage).to_contain_text("€12.34")
    expect(usage.get_by_role("columnheader")).to_have_text(["Service", "Requests", "Work", "Cost"])


def test_usage_alone_where_there_are_no_prices(page, cloud):
    """No word of money."""

    def free(route):
        answer = route.fetch()
        cost = answer.json() | {"currency": None}
        for share in (cost["total"], *cost["services"]):
            share |= {"micros": None, "cents": None}
        route.fulfill(response=answer, json=cost)

    page.route("**/api/cost*", free)
    sign_in(page, cloud.user("acme"))
    open_service(page)
    usage = section(page, "^Usage in")
    expect(usage.locator(".totals")).to_have_text(re.compile(r"^[\d,]+ requests, \S+ s of work\.$"))
    expect(usage.get_by_role("columnheader")).to_have_text(["Service", "Requests", "Work"])


def test_without_a_control_plane_there_is_no_such_page(page, cloud):
    """Neither an entry nor an address."""
    page.route("**/config.json", lambda route: route.fulfill(json=route.fetch().json() | {"control_plane_url": ""}))
    sign_in(page, cloud.user("acme"))
    expect(page.get_by_role("link", name="Invite")).to_be_visible()
    expect(page.get_by_role("link", name="Service", exact=True)).to_have_count(0)
    page.goto("/#/service")
    expect(page.get_by_role("heading", level=1)).to_have_text("Book a flight")


def test_times_are_the_readers(browser, portal, cloud):
    """In their zone, which is named."""
    context = browser.new_context(base_url=portal.url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    sign_in(page, cloud.user("globex"))
    open_service(page)
    expect(page.get_by_text("Times are those of Asia/Calcutta (GMT+5:30)").or_(page.get_by_text("Times are those of Asia/Kolkata (GMT+5:30)"))).to_be_visible()
    opened = operator_sees(cloud, "/api/alerts?tenant=globex")[0]["opened"]
    there = time.gmtime(opened + 5.5 * 3_600)
    expect(section(page, "Incidents").get_by_role("listitem").filter(has_text=time.strftime("%H:%M", there)).first).to_be_visible()
    context.close()


def test_fit(page, cloud, check):
    """On a phone and a desk, by day and by night, with an incident, an open table and an error."""
    sign_in(page, cloud.user("globex"))
    open_service(page)
    page.get_by_text("The figures behind the charts").click()
    check("service")
    page.get_by_role("radio", name="Last hour").check()
    expect(section(page, "^Requests in the last hour$")).to_be_visible()
    loaded(page)
    check("service-hour")
    page.route("**/api/**", lambda route: route.abort())
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check("service-away")


def test_by_keyboard(page, cloud):
    """The choice, the refresh, the figures and the traces are reached by Tab, in this order."""
    sign_in(page, cloud.user("globex"))
    open_service(page)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("[document.activeElement.tagName, document.activeElement.matches(':focus-visible')]"))
    assert [tag for tag, _ in reached[:3]] == ["INPUT", "BUTTON", "SUMMARY"]
    assert all(visible for _, visible in reached)
    page.get_by_text("The figures behind the charts").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Requests over time")).to_be_visible()
