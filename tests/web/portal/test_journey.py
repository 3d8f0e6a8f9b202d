"""From a click to the ledger of the other account."""

import datetime
import re

from playwright.sync_api import expect

from steps import IN_A_MONTH, book, bookings_of, cancel, choose_airport, fill_booking, fill_sign_in, sign_in

# From the click down to the ledger's write, each the parent of the next: whose account, which service, what it did.
A, B = "booking_account", "mileage_account"
WAY = [
    (None, "portal", "book a flight"),
    (None, "portal", "POST /bookings"),
    (A, "booking-api", "POST /bookings"),
    (A, "booking-publisher", "process reservations-local"),
    (A, "booking-publisher", "send booking-events-local"),
    (B, "mileage-accrual", "process mileage-bookings-local"),
    (B, "mileage-accrual", "DynamoDB.TransactWriteItems"),
]
STORED = (A, "booking-api", "DynamoDB.TransactWriteItems")


def test_book_and_see_the_miles_arrive(page, cloud):
    """Sign in, book, miles; the list and the balance agree."""
    sign_in(page, cloud.user("acme"))
    expect(page.get_by_role("banner")).to_contain_text("Acme Air basic")
    choose_airport(page, "From", "london hea", "^LHR")
    choose_airport(page, "To", "new york", "^JFK")
    page.get_by_label("Departure").fill(IN_A_MONTH)
    page.get_by_label("Passenger").fill("Grace Hopper")
    page.get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your flight is booked")
    number = page.url.rsplit("/", 1)[1]
    expect(page.get_by_role("status").filter(has_text="3,452 miles have arrived")).to_be_visible()
    expect(page.get_by_role("img", name="Map of the route from London to New York")).to_be_visible()
    assert bookings_of(page, "Grace Hopper") == 1
    page.get_by_role("link", name="Miles", exact=True).click()
    expect(page.get_by_role("row", name=re.compile(number))).to_contain_text("3,452")


def test_a_booking_has_its_trace_when_it_is_opened_again(page, cloud):
    """In another session, which did not make it."""
    user = cloud.user("acme")
    sign_in(page, user)
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/bookings")) as made:
        book(page, "Opened Again")
    trace_id = made.value.all_headers()["traceparent"].split("-")[1]
    number = made.value.json()["booking_number"]
    page.reload()
    fill_sign_in(page, user["username"], user["password"])
    page.get_by_role("link", name="My bookings").click()
    page.get_by_role("link", name=re.compile(number)).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Booking")
    expect(page.get_by_role("main").get_by_role("link", name=f"Open in control plane the trace {trace_id}").first).to_be_visible()


def test_the_trace_begins_at_the_click(page, cloud):
    """One trace in two accounts and the browser; the link leads to its waterfall."""
    sign_in(page, cloud.user("globex"))
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/bookings")) as sent:
        book(page)
    headers = sent.value.all_headers()
    trace_id = headers["traceparent"].split("-")[1]
    assert headers["x-amzn-trace-id"] == f"Root=1-{trace_id[:8]}-{trace_id[8:]}"
    assert sent.value.response().all_headers()["traceparent"].split("-")[1] == trace_id

    trace = cloud.whole_trace(trace_id, {(service, name) for _, service, name in [*WAY, STORED]})
    spans = {span["span_id"]: span for span in trace["spans"]}
    account = lambda which: which and cloud.outputs[which]
    what = lambda span: (span["account"], span["service"], span["name"])
    span = next(span for span in spans.values() if what(span) == (cloud.outputs[B], *WAY[-1][1:]))
    way = [what(span)]
    while span["parent_span_id"]:
        span = spans[span["parent_span_id"]]
        way.insert(0, what(span))
    assert way == [(account(which), service, name) for which, service, name in WAY]
    stored = next(span for span in spans.values() if what(span) == (cloud.outputs[A], *STORED[1:]))
    assert what(spans[stored["parent_span_id"]]) == way[2]
    # A batch's own span, the only one without a tenant, has a trace of its own.
    assert {(span["tenant"], span["tier"]) for span in spans.values()} == {("globex", "standard")}
    number = sent.value.response().json()["booking_number"]
    for span in spans.values():
        assert span["attributes"]["booking.number"] == number, span["name"]
        assert "booking.number" in span["attributes"]["aws.xray.annotations"], span["name"]

    with page.expect_popup() as popup:
        page.get_by_role("link", name=f"Open in control plane the trace {trace_id}").first.click()
    waterfall = popup.value
    # It asks who they are in its turn.
    waterfall.get_by_role("link", name="I work for a customer").click()
    waterfall.get_by_role("button", name=cloud.user("globex")["username"]).click()
    for part in {part for span in way for part in span if part}:
        expect(waterfall.locator("main")).to_contain_text(part)


def test_cancel_and_see_the_miles_taken_back(page, cloud):
    """Asked once more, then gone everywhere, in one trace from the click to the ledger."""
    sign_in(page, cloud.user("oceanic"))
    number = book(page, "Second Thoughts")
    expect(page.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    page.get_by_role("button", name="Cancel this booking").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with page.expect_request(lambda request: request.url.endswith(f"/bookings/{number}/cancellation")) as sent:
        cancel(page)
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Your booking is cancelled")
    expect(title).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="It earns no miles")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel this booking")).to_have_count(0)

    trace_id = sent.value.all_headers()["traceparent"].split("-")[1]
    expect(page.get_by_text(f"Its trace, from your click to the ledger: {trace_id}")).to_be_visible()
    way = [("portal", "cancel a booking"), ("booking-api", "POST /bookings/{number}/cancellation"), WAY[-1][1:]]
    trace = cloud.whole_trace(trace_id, set(way))
    for span in trace["spans"]:
        assert (span["tenant"], span["attributes"]["booking.number"]) == ("oceanic", number), span["name"]

    assert bookings_of(page, "Second Thoughts") == 1
    expect(page.get_by_role("listitem").filter(has_text=number)).to_contain_text("cancelled")
    page.get_by_role("link", name="Miles", exact=True).click()
    rows = page.get_by_role("row", name=re.compile(number))
    expect(rows.first).to_contain_text("-3,452")
    expect(rows.first).to_contain_text("cancelled")
    expect(rows.last).to_contain_text("3,452")
    # As whoever comes back to it sees it.
    rows.first.get_by_role("link").click()
    expect(title).to_have_text("Your booking is cancelled")


def test_every_call_carries_both_trace_headers(page, cloud):
    """Reads as well as writes, each action under an id of its own."""
    seen = []
    page.on("request", lambda request: seen.append(request) if re.search("/(booking|mileage)/", request.url) else None)
    sign_in(page, cloud.user("acme"))
    book(page)
    expect(page.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    assert len(seen) >= 3
    for request in seen:
        headers = request.all_headers()
        trace_id = headers["traceparent"].split("-")[1]
        assert headers["x-amzn-trace-id"] == f"Root=1-{trace_id[:8]}-{trace_id[8:]}"
    assert len({request.all_headers()["traceparent"].split("-")[1] for request in seen}) >= 3


def test_tokens_are_in_memory_alone(page, cloud):
    """Nothing is stored; a reload signs out."""
    sign_in(page, cloud.user("acme"))
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert stored == '[{},{},""]'
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_sign_out(page, cloud):
    """The form is back, what was typed is gone, and the refresh token is no longer good."""
    sign_in(page, cloud.user("acme"))
    fill_booking(page)
    with page.expect_request(lambda request: "RevokeToken" in request.headers.get("x-amz-target", "")):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    user = cloud.user("acme")
    fill_sign_in(page, user["username"], user["password"])
    expect(page.get_by_label("Passenger")).to_have_value("")


def test_a_token_is_renewed_before_it_ends(page, cloud):
    """An hour later the page books as before, with another token."""
    sign_in(page, cloud.user("acme"))
    page.clock.set_fixed_time(datetime.datetime.now() + datetime.timedelta(minutes=59, seconds=30))
    with page.expect_request(lambda request: "REFRESH_TOKEN_AUTH" in (request.post_data or "")):
        book(page)


def test_the_demo_fills_in_its_users(page, cloud):
    """From the first page to a booking without knowing anything."""
    page.goto("/")
    page.get_by_role("button", name=cloud.user("oceanic")["username"]).click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("banner")).to_contain_text("Oceanic Airlines premium")
