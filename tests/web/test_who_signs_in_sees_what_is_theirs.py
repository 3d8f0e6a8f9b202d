"""Signing in at the local cloud's control plane in a real browser: what each may see, and when that ends."""

import datetime
import hashlib
import json
import re
import sqlite3
import threading
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from local_cloud import PROJECT
from troubles import watch

OPERATOR, VIEWER, ADMIN = "operator@airline.example", "viewer@airline.example", "pilot@acme.example"
STAFF, TENANTS = "I run the system", "I work for a customer"
SIGN_IN = re.compile(r"/sign-in\?return_to=")


@pytest.fixture(scope="module")
def traces(cloud):
    """The trace of a booking, by tenant, once the control plane has it."""
    departure = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()
    wish = {"from_airport": "LHR", "to_airport": "JFK", "departure_date": departure, "passenger_name": "Amelia Earhart"}
    traces = {}
    for tenant in ("acme", "globex"):
        headers = {
            "authorization": f"Bearer {cloud.sign_in(cloud.user(tenant))}", "content-type": "application/json", "idempotency-key": str(uuid.uuid4()),
        }  # fmt: skip
        request = urllib.request.Request(f"{cloud.outputs['booking_url']}/bookings", json.dumps(wish).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            traces[tenant] = answer.headers["traceparent"].split("-")[1]
        cloud.whole_trace(traces[tenant], {("booking-api", "POST /bookings")})
    return traces


@pytest.fixture
def context(browser, cloud, viewport, color_scheme):
    """A browser of its own, at the control plane."""
    width, height = viewport
    context = browser.new_context(
        base_url=cloud.outputs["control_plane_url"], viewport={"width": width, "height": height}, color_scheme=color_scheme
    )
    yield context
    context.close()


@pytest.fixture
def page(context):
    """An empty page. An error in its console fails the test, but for answers that tests provoke."""
    return watch(context.new_page(), answers_may_fail=True)


def sign_in(page, who: str, path: str = "/"):
    """From a page that asks for it, back to that page."""
    page.goto(path)
    expect(page).to_have_url(SIGN_IN)
    go_on(page, who)
    assert page.url.endswith(path), page.url
    expect(page.get_by_role("banner")).to_contain_text(who)


def go_on(page, who: str):
    """From the sign-in to wherever it leads."""
    page.get_by_role("link", name=TENANTS if who == ADMIN else STAFF).click()
    page.get_by_role("button", name=who).click()


def run_folder(cloud) -> Path:
    """What the local cloud keeps while it runs."""
    return PROJECT / f".local/run-{cloud.process.pid}"


def end_sessions(cloud):
    """As time would."""
    with sqlite3.connect(run_folder(cloud) / "control-plane/control-plane.sqlite", timeout=60) as database:
        assert database.execute("UPDATE entries SET until = 1").rowcount > 0
    database.close()


@pytest.mark.parametrize(("who", "role"), [(OPERATOR, "operator"), (VIEWER, "viewer"), (ADMIN, "tenant")])
def test_one_click_signs_in(page, traces, who, role):
    """The banner says who it is and as what; the pages show all tenants, or the one that is theirs."""
    sign_in(page, who, "/traces")
    expect(page.get_by_role("banner")).to_contain_text(f"{who} ({role})")
    shown = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert shown == ["Service map", "Tenants", "Traces", "Group by", "Turned away", "Cost", *(["Investigations", "Audit"] if role != "tenant" else [])]
    tenants = page.locator("select[name=tenant] option").all_inner_texts()
    found = page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    seen = {tenant for tenant, trace in traces.items() if f"/traces/{trace}" in found}
    if role == "tenant":
        assert (tenants, seen) == (["all", "acme"], {"acme"})
        assert "globex" not in page.content()
    else:
        assert {"acme", "globex"} <= set(tenants) and seen == {"acme", "globex"}


@pytest.mark.parametrize("who", [OPERATOR, VIEWER, ADMIN])
def test_who_only_reads_has_nothing_to_press(page, traces, who):
    """But what narrows a page, and signs out. An operator has more: on a tenant's page, and where a page can be saved as an investigation."""
    sign_in(page, who)
    changing = []
    for path in ("/", "/tenants", "/tenant?id=acme", "/traces", f"/traces/{traces['acme']}", "/turned-away", "/cost"):
        assert page.goto(path).ok, path
        if page.locator("main form[method=post], main [hx-post], main [hx-put], main [hx-delete]").count():
            changing.append(path)
    assert changing == (["/tenant?id=acme", "/traces", "/turned-away"] if who == OPERATOR else [])


def test_a_tenant_learns_nothing_of_another(page, traces):
    """Its page and its trace are as those of a tenant that there is not."""
    sign_in(page, ADMIN)

    def refused(path: str, named: str) -> str:
        answer = page.goto(path)
        assert answer.status == 404 and answer.headers["content-type"].startswith("text/html")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("banner")).to_contain_text(ADMIN)
        # The token of its forms differs from answer to answer.
        text = re.sub(r'name="csrf" value="[^"]*"', "", page.content().replace(named, ""))
        assert "globex" not in text
        return text

    assert refused("/tenant?id=globex", "globex") == refused("/tenant?id=nobody", "nobody")
    # What is for those who run the system says so.
    assert page.goto("/audit").status == 403
    expect(page.get_by_role("alert")).to_be_visible()
    unknown = "6b080b0a6471178fff189ee112905ca7"
    assert refused(f"/traces/{traces['globex']}", traces["globex"]) == refused(f"/traces/{unknown}", unknown)


def test_a_copied_cookie_is_worth_nothing_after_the_sign_out(context, page, copied):
    """Wherever the copy is; before, it was as good as the cookie."""
    sign_in(page, OPERATOR, "/tenants")
    other = copied(context)
    assert other.goto("/tenants").ok
    expect(other.get_by_role("banner")).to_contain_text(OPERATOR)

    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/sign-in$"))
    other.goto("/tenants")
    expect(other).to_have_url(SIGN_IN)
    page.go_back()
    expect(page).to_have_url(SIGN_IN)


@pytest.fixture
def copied(browser, cloud):
    """A page of somebody who has copied all cookies of another browser."""
    contexts = []

    def copied(context):
        contexts.append(browser.new_context(base_url=cloud.outputs["control_plane_url"], storage_state=context.storage_state()))
        return contexts[-1].new_page()

    yield copied
    for context in contexts:
        context.close()


def test_a_session_that_ends_amid_work_leads_back_to_it(cloud, page):
    """To the very page, with what was chosen there."""
    sign_in(page, VIEWER, "/tenants")
    end_sessions(cloud)
    page.get_by_label("Name contains").fill("acm")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(SIGN_IN)
    go_on(page, VIEWER)
    expect(page).to_have_url(re.compile(r"/tenants\?.*name=acm"))
    expect(page.get_by_label("Name contains")).to_have_value("acm")


def test_a_form_that_is_sent_too_late_changes_nothing(cloud, page, traces):
    """Its page is there again after the sign-in, with the tenant as it was."""
    path = "/tenant?id=acme"
    sign_in(page, OPERATOR, path)
    registry = page.get_by_role("region", name="Registry")
    registry.get_by_text("Suspend…").click()
    registry.get_by_label("Reason (kept in the audit)").first.fill("it does not pay")
    registry.get_by_label("Refuse the requests of").check()
    end_sessions(cloud)
    registry.get_by_role("button", name="Suspend").click()
    expect(page).to_have_url(SIGN_IN)
    go_on(page, OPERATOR)
    expect(page).to_have_url(re.compile(re.escape(path) + "$"))
    expect(registry).to_contain_text("active")


def test_a_page_that_refreshes_itself_leads_back_too(cloud, page):
    """Nobody has to press anything to see that it stands still."""
    sign_in(page, VIEWER, "/tenants?live=on")
    end_sessions(cloud)
    expect(page).to_have_url(SIGN_IN, timeout=60_000)
    go_on(page, VIEWER)
    expect(page).to_have_url(re.compile(r"/tenants\?.*live=on"))


@pytest.fixture
def foreign_page(cloud):
    """The port of a page of somebody else on this machine, whose form signs out."""
    form = f'<form method="post" action="{cloud.outputs["control_plane_url"]}/sign-out"><button>Win a flight</button></form>'

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(form.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_form_works_from_its_own_page_alone(cloud, context, page, foreign_page):
    """By what a real browser says of where a form is from: Origin, Referer, Sec-Fetch-Site. Forms of another port bring the cookie along."""
    sign_in(page, OPERATOR)
    control_plane = cloud.outputs["control_plane_url"]
    for origin, site in ((f"http://127.0.0.1:{foreign_page}", "same-site"), (f"http://localhost:{foreign_page}", "cross-site")):
        elsewhere = context.new_page()
        elsewhere.goto(origin)
        with elsewhere.expect_response(f"{control_plane}/sign-out") as answered:
            elsewhere.get_by_role("button").click()
        sent = answered.value.request.all_headers()
        assert (sent["origin"], sent["sec-fetch-site"]) == (origin, site)
        assert ("control-plane-session" in sent.get("cookie", "")) == (site == "same-site")
        assert answered.value.status == 403
        expect(elsewhere.get_by_role("alert")).to_have_text("Only a page of this server can ask for that.")
        elsewhere.close()
    assert page.goto("/tenants").ok
    expect(page.get_by_role("banner")).to_contain_text(OPERATOR)

    with page.expect_response("**/sign-out") as answered:
        page.get_by_role("button", name="Sign out").click()
    sent = answered.value.request.all_headers()
    assert (sent["origin"], sent["sec-fetch-site"]) == (control_plane, "same-origin")
    assert sent["referer"].startswith(control_plane)
    assert answered.value.status == 303


def test_a_code_is_good_once(page):
    """Whoever goes back to it, or is sent it, begins again."""
    with page.expect_request(re.compile(r"/sign-in/callback\?")) as came_back:
        sign_in(page, OPERATOR)
    answer = page.goto(came_back.value.url)
    assert answer.status == 400
    expect(page.get_by_role("alert")).to_contain_text("Start again")


def test_somebody_else_signs_in_by_name_and_password(cloud, page):
    """At the emulator's own form, which the page with the buttons leads to. Whoever is no admin of their company reads why they may not."""
    user, crew = cloud.user("oceanic"), {"username": "crew@oceanic.example", "password": "Fly7-abcdefgh1234"}
    claims = {"email": crew["username"], "email_verified": "true", "custom:tenant-id": "oceanic", "custom:tier-level": "premium", "custom:role": "member"}
    attributes = [{"Name": name, "Value": value} for name, value in claims.items()]
    cloud.administer("AdminCreateUser", Username=crew["username"], MessageAction="SUPPRESS", UserAttributes=attributes)
    cloud.administer("AdminSetUserPassword", Username=crew["username"], Password=crew["password"], Permanent=True)

    def type_in(user: dict):
        page.goto("/cost")
        page.get_by_role("link", name=TENANTS).click()
        page.get_by_role("link", name="Somebody else").click()
        page.get_by_label("Username").fill(user["username"])
        page.get_by_label("Password").fill(user["password"])
        page.get_by_role("button", name="Sign in").click()

    type_in(crew)
    expect(page.get_by_role("alert")).to_have_text("Your company's figures are for its admins.")
    type_in(user)
    expect(page.get_by_role("banner")).to_contain_text(f"{user['username']} (tenant)")
    assert page.url.endswith("/cost")


def test_the_portals_token_is_good_at_the_api(cloud, traces):
    """For its own tenant, and for reading."""

    def ask(path: str) -> int:
        request = urllib.request.Request(
            cloud.outputs["control_plane_url"] + path, headers={"authorization": f"Bearer {cloud.sign_in(cloud.user('acme'))}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    assert ask(f"/api/traces/{traces['acme']}") == 200
    assert ask(f"/api/traces/{traces['globex']}") == 404


@pytest.mark.parametrize("viewport", [(390, 844), (1440, 900)], ids=["phone", "desk"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("issuer", ["staff", "tenants"])
def test_the_buttons_fit_the_window_and_the_keyboard(page, issuer, color_scheme):
    """One heading, nothing that scrolls sideways, the reader's colours, and the first user is the first stop of the keyboard."""
    page.goto(f"/sign-in/{issuer}")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    page_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (page_colour == "rgb(245, 247, 250)") == (color_scheme == "light"), page_colour
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width <= room
    page.keyboard.press("Tab")
    expect(page.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("banner")).to_contain_text(OPERATOR if issuer == "staff" else ADMIN)


def test_the_buttons_answer_to_the_control_planes_requests_alone(cloud, page):
    """Another client, another address to come back to, no such user: nobody is signed in, and nothing of the request is shown as HTML."""
    with page.expect_request(re.compile(r"/_local/sign-in\?")) as asked:
        page.goto("/sign-in/staff")
    url = asked.value.url
    for wrong in (
        re.sub(r"client_id=[^&]+", "client_id=nobody", url),
        re.sub(r"client_id=[^&]+", f"client_id={cloud.outputs['user_pool_client_id']}", url),
        re.sub(r"redirect_uri=[^&]+", "redirect_uri=https%3A%2F%2Felsewhere.example%2F", url),
        url.replace("response_type=code", "response_type=token"),
        url.partition("?")[0],
    ):
        answer = page.request.get(wrong, max_redirects=0)
        assert answer.status == 400, wrong
    page.goto(re.sub(r"state=[^&]+", "state=%22%3E%3Cb%20id%3Dinjected%3E", url))
    expect(page.locator("#injected")).to_have_count(0)
    fields = dict(page.locator("input[type=hidden]").evaluate_all("inputs => inputs.map(input => [input.name, input.value])"))
    assert page.request.post(url.partition("?")[0], form=fields | {"username": "nobody"}, max_redirects=0).status == 400
    elsewhere = fields | {"username": OPERATOR, "redirect_uri": "https://elsewhere.example/"}
    assert page.request.post(url.partition("?")[0], form=elsewhere, max_redirects=0).status == 400


def test_the_configuration_is_for_its_owner_alone(cloud):
    """It has the clients' secrets; of the service key it has a hash."""
    configuration = run_folder(cloud) / "control-plane.toml"
    assert configuration.stat().st_mode & 0o777 == 0o600
    key = cloud.outputs["control_plane_key"]
    assert key not in configuration.read_text()
    assert hashlib.sha256(key.encode()).hexdigest() in configuration.read_text()
