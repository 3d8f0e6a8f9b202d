"""From a measurement to its trace, from a trace to what its services measured around it, and its log lines; cold starts are told apart."""

import time

import pytest
from playwright.sync_api import expect

import bookings
import measured
import waterfalls
from trace_page import opened, row

SERVICE = f"/service?service=booking-api&account={bookings.BOOKING}&window=1h"
SLOW = 1.9
COLD, WARM, WAITED = f"{0xC1:032x}", f"{0xC2:032x}", f"{0xC3:032x}"


def function(start, trace, cold):
    """A request to a function, which may have started for it."""
    of = lambda number, parent, name, kind, begin, end, more: waterfalls.of(trace, number, parent, name, kind, start, begin, end, more)
    spans = [of(1, None, "GET /bookings", "SERVER", 0, 30, {"faas.trigger": "http", "http.response.status_code": 200})]
    spans[0]["attributes"].append({"key": "faas.coldstart", "value": {"boolValue": cold}})
    if cold:
        spans.append(of(2, 1, "Initialization", "INTERNAL", -120, -20, {"lambda.phase": "init"}))
    return waterfalls.sent(("booking-api", bookings.BOOKING, spans))


def waited_for(start):
    """A request to a function that started while its caller waited."""
    of = lambda number, parent, name, kind, begin, end, more: waterfalls.of(WAITED, number, parent, name, kind, start, begin, end, more)
    call = of(1, None, "GET", "CLIENT", 0, 150, {"url.full": "https://bookings.example/"})
    request = of(2, 1, "GET /bookings", "SERVER", 120, 150, {})
    started = of(3, 2, "Initialization", "INTERNAL", 10, 110, {"lambda.phase": "init"})
    return waterfalls.sent(("booking-web", bookings.BOOKING, [call]), ("booking-api", bookings.BOOKING, [request, started]))


@pytest.fixture
def control_plane(control_plane):
    """One that knows a booking and its lines, a request with a cold start and one without, and what two services measured; one of it leads to the booking."""
    waterfalls.send(control_plane.url, waterfalls.booking, lambda start: function(start, COLD, True), lambda start: function(start, WARM, False))
    began = control_plane.trace(waterfalls.TRACE)["spans"][0]["start_unix_ns"]
    until = began + measured.MINUTE
    exemplar = waterfalls.TRACE, waterfalls.span_id(3), SLOW
    measured.send(control_plane.url, "booking-api", bookings.BOOKING, until, exemplar=exemplar)
    measured.send(control_plane.url, "mileage-accrual", bookings.MILEAGE, until, messages=True)
    at = lambda ms: began + ms * waterfalls.MS
    measured.log(control_plane.url, "booking-api", bookings.BOOKING, [
        (waterfalls.TRACE, waterfalls.span_id(3), at(88), 17, "the table is at its limit", {"attempt": 1}),
        (waterfalls.TRACE, waterfalls.span_id(1), at(239), 9, "answered", {"http.response.status_code": 201}),
    ])  # fmt: skip
    return control_plane


def test_a_measurement_leads_to_its_trace_and_the_trace_to_what_was_measured_then(page):
    """There and back: from a dot of the service's chart to the trace, and from there to the same minutes of its metrics."""
    page.goto(SERVICE)
    took = page.locator("figure", has_text="Invocations took")
    expect(took.locator("canvas").first).to_be_visible()
    took.get_by_role("list", name="Traces of Invocations took").get_by_role("link", name="Trace of 1.90 s").click()
    expect(page.get_by_text(waterfalls.TRACE).first).to_be_visible()
    expect(page.locator(".span-panel h2")).to_have_text("DynamoDB.TransactWriteItems")

    around = page.get_by_role("region", name="Metrics")
    around.scroll_into_view_if_needed()
    memory = around.locator("figure", has_text="Memory used")
    expect(memory.locator("canvas").first).to_be_visible()
    expect(memory.locator("figcaption")).to_contain_text("limit 100.0 %")
    marks = memory.locator("script").evaluate("script => JSON.parse(script.textContent).marks")
    began = page.locator("dl.summary time").first.get_attribute("datetime")
    assert marks == [{"at": int(time.mktime(time.strptime(began[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone), "name": "this trace"}]
    for chart in ("Cold starts", "Age of messages", "Requests that were throttled"):
        expect(around.locator("figure", has_text=chart).locator("canvas").first).to_be_visible()

    around.get_by_role("link", name="booking-api").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics of a service")
    expect(page.locator("figure", has_text="Invocations took").get_by_role("link", name="Trace of 1.90 s")).to_be_visible()


def test_around_a_trace_is_a_page_of_its_own_without_a_script(browser, control_plane):
    """A link in the place of the charts leads to their tables."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/traces/{waterfalls.TRACE}")
    page.get_by_role("link", name="Memory, cold starts, age of messages").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics around a trace")
    expect(page.locator("figure", has_text="Age of messages").locator("tbody tr").first).to_contain_text("s")
    page.get_by_role("link", name="Back to the trace").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trace")
    context.close()


def test_a_waterfall_waits_for_no_metrics(page):
    """What was measured is asked for once somebody comes near it."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page)
    assert not [url for url in asked if "/metrics" in url]
    with page.expect_response(lambda answer: answer.url.endswith("/metrics")):
        page.get_by_role("region", name="Metrics").scroll_into_view_if_needed()


def test_whoever_comes_near_it_by_keyboard_stays_there(page):
    """What is loaded in the place of a link has the focus that the link had."""
    opened(page)
    page.get_by_role("link", name="Memory, cold starts, age of messages").focus()
    around = page.get_by_role("region", name="Metrics")
    expect(around.locator("figure", has_text="Memory used")).to_be_visible()
    expect(around.get_by_role("heading", level=2)).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#around') !== null")


def test_the_lines_of_a_trace_lead_to_their_spans(page):
    """All of them below the waterfall, those of a span in its panel."""
    opened(page)
    logs = page.get_by_role("region", name="Logs", exact=True)
    expect(logs.locator("summary")).to_have_count(2)
    expect(logs.locator("summary").first).to_contain_text("ERROR booking-api · booking::table the table is at its limit")
    logs.locator("summary").first.click()
    logs.get_by_role("link", name="Its span").first.click()
    own = page.get_by_role("region", name="Log lines of this span")
    expect(own.locator("summary")).to_have_count(1)
    expect(own).to_contain_text("the table is at its limit")


def test_whoever_has_no_lines_and_no_metrics_is_told_how_to_turn_them_on(page, control_plane):
    """Of a trace without, and of a service without."""
    page.goto(f"/traces/{WARM}")
    expect(page.get_by_role("region", name="Logs", exact=True)).to_contain_text("OTEL_LOGS_EXPORTER=console,otlp")
    page.goto("/service?service=booking-publisher&window=1h")
    expect(page.locator("main")).to_contain_text("OTEL_METRICS_EXPORTER=otlp")


def test_a_service_says_what_it_measured_and_where_figures_come_from(page):
    """In its panel on the map, with the way to its own page."""
    page.goto(f"/?window=1h&node=service/{bookings.BOOKING}/booking-api")
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="Its metrics")).to_be_visible()
    expect(panel).to_contain_text("What stands above and below is computed from traces.")
    figure = lambda name: panel.locator("dl.figures div", has_text=name).locator("dd")
    expect(figure("Invocations")).to_have_text("810")
    expect(figure("Errors")).to_have_text("10 (1.2 %)")
    expect(figure("Cold starts")).to_have_text("16 (2.0 %)")
    expect(figure("Memory")).to_have_text("130 MiB of 256 MiB")
    expect(figure("Throttled (429)")).to_have_text("6")
    panel.get_by_role("link", name="Its metrics over time").click()
    expect(page.locator("p.source-note")).to_contain_text("They name no tenant.")


def test_metrics_that_name_the_busiest_tenants_tell_them_apart(page, control_plane):
    """On the service's page, and for whoever asks the API by tenant."""
    measured.send_named(control_plane.url, "mileage-api", bookings.MILEAGE, [("acme", 7), ("globex", 5), ("(other)", 30), (None, 2)])
    page.goto(f"/service?service=mileage-api&account={bookings.MILEAGE}&window=1h")
    expect(page.locator("p.source-note")).to_contain_text("They name the busiest tenants, and take all others together.")
    tenants = page.locator("figure", has_text="Invocations by tenant, the busiest by name")
    expect(tenants.locator("canvas").first).to_be_visible()
    lines = tenants.locator("script").evaluate("script => JSON.parse(script.textContent).lines.map(line => line.name)")
    assert lines == ["(other)", "acme", "globex"]
    asked = control_plane.get("/api/metrics?names=faas.invocations&service=mileage-api&by=tenant.id&window=1h")
    sums = {line["attributes"].get("tenant.id"): sum(step["sum"] for step in line["steps"]) for line in asked["lines"]}
    assert sums == {None: 2, "(other)": 30, "acme": 7, "globex": 5}


def test_a_start_that_a_caller_waited_for_is_counted(page, control_plane):
    """It lies within the time that the trace took, which is what the page says."""
    waterfalls.send(control_plane.url, waited_for)
    page.goto(f"/traces/{WAITED}")
    fact = lambda name: page.locator("dl.summary div", has_text=name).locator("dd")
    expect(fact("Took").first).to_have_text("150 ms")
    expect(fact("Starting took")).to_have_text("100 ms, counted above: a caller waited for it")
    waits = page.locator("p.waits")
    expect(waits).to_contain_text("Most of the time was spent in Initialization of booking-api: 66.7 % of the critical path")
    expect(waits).to_contain_text("It waited 150 ms for services: booking-api 130 ms (86.7 %), booking-web 20.0 ms (13.3 %).")


def test_a_cold_start_is_told_apart(page):
    """In the list, in the search, in the waterfall, and in how long it took."""
    page.goto("/traces?filter=coldstart&window=1h")
    expect(page.locator(".listed tbody tr")).to_have_count(1)
    line = page.locator(".listed tbody tr", has_text="cold start")
    expect(line).to_contain_text("30.0 ms")
    line.get_by_role("link", name="GET /bookings").click()
    expect(page.locator("#waterfall[data-ready]")).to_be_attached()
    expect(row(page, waterfalls.span_id(1)).locator(".cold")).to_have_text("cold start")
    expect(row(page, waterfalls.span_id(2)).locator(".cold")).to_be_hidden()
    fact = lambda name: page.locator("dl.summary div", has_text=name).locator("dd")
    expect(fact("Took").first).to_have_text("30.0 ms")
    expect(fact("Starting took")).to_have_text("100 ms, not counted above")
    expect(fact("Cold starts")).to_have_text("booking-api")
    page.goto("/traces?filter=coldstart+%3D+false&window=1h")
    expect(page.locator(".listed tbody tr")).to_have_count(2)
    expect(page.locator("main .cold")).to_have_count(0)
