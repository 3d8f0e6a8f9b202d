"""What goes wrong is said plainly, and nothing is booked twice."""

import datetime
import re

import pytest
from playwright.sync_api import expect

from steps import book, bookings_of, cancel, choose_airport, fill_booking, fill_sign_in, sign_in

BOOKINGS = re.compile(r"/booking/bookings$")
COGNITO = "**/_local/cognito"


def posts(page) -> list:
    """The bookings that the page asks for from now on."""
    sent = []
    wanted = lambda request: request.method == "POST" and BOOKINGS.search(request.url)
    page.on("request", lambda request: sent.append(request.all_headers()) if wanted(request) else None)
    return sent


@pytest.fixture
def signed_in(page, cloud):
    """The page of a user who wants to book."""
    sign_in(page, cloud.user("acme"))
    return page


def press_book(page):
    page.get_by_role("button", name="Book", exact=True).click()


def is_booked(page):
    expect(page.get_by_role("heading", level=1)).to_have_text("Your flight is booked")


@pytest.mark.parametrize("username", ["pilot@acme.example", "nobody@acme.example"])
def test_wrong_password(page, username):
    """The same answer whether or not the address is known."""
    page.goto("/")
    fill_sign_in(page, username, "Wrong-password-1")
    expect(page.get_by_role("alert")).to_contain_text("This email address and password do not belong together.")
    expect(page.get_by_label("Email")).to_have_value(username)


def test_fields_that_are_wrong(signed_in):
    """Each is named beside its field, in the words of the form; the first has the focus."""
    press_book(signed_in)
    expect(signed_in.get_by_role("alert")).to_contain_text("The booking cannot be made with these values.")
    for label in ("From", "To", "Departure", "Passenger"):
        field = signed_in.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile("must"))
    expect(signed_in.get_by_label("From", exact=True)).to_be_focused()


def test_a_city_is_no_code(signed_in):
    """What was typed but not chosen is not guessed at: NEW is an airport, and not in New York."""
    fill_booking(signed_in)
    signed_in.get_by_label("To", exact=True).fill("new york")
    signed_in.keyboard.press("Escape")
    press_book(signed_in)
    expect(signed_in.get_by_label("To", exact=True)).to_have_accessible_description("must be an airport from the list")


def test_no_airport_of_that_name(signed_in):
    """It is said while one types."""
    signed_in.get_by_label("From", exact=True).fill("atlantis")
    expect(signed_in.get_by_role("status").filter(has_text="No airport matches “atlantis”.")).to_be_visible()
    signed_in.get_by_label("From", exact=True).fill("london")
    expect(signed_in.get_by_role("option").first).to_contain_text("LHR")
    expect(signed_in.get_by_text("No airport matches")).to_have_count(0)


def test_one_field_that_is_wrong(signed_in):
    """Only that one is marked, and the rest is kept."""
    fill_booking(signed_in)
    signed_in.get_by_label("To", exact=True).fill("")
    choose_airport(signed_in, "To", "heathrow", "^LHR")
    press_book(signed_in)
    to = signed_in.get_by_label("To", exact=True)
    expect(to).to_have_accessible_description("must be another airport than From")
    expect(signed_in.locator("[aria-invalid=true]")).to_have_count(1)
    expect(signed_in.get_by_label("Passenger")).to_have_value("Ada Lovelace")


def test_it_is_too_late_to_cancel(signed_in):
    """The service says why, in the question, and the booking stands."""
    book(signed_in, departure=datetime.datetime.now(datetime.UTC).date().isoformat())
    cancel(signed_in)
    refusal = "A booking can be cancelled until the day before its departure, in UTC."
    expect(signed_in.get_by_role("dialog").get_by_role("alert")).to_contain_text(refusal)
    signed_in.get_by_role("button", name="Keep it").click()
    expect(signed_in.get_by_role("heading", level=1)).to_have_text("Your flight is booked")


def test_a_lost_answer_to_a_cancellation_is_asked_for_again(signed_in):
    """It is cancelled by the first, and the second finds that."""
    lost = []

    def lose_the_first(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch())
        return route.abort()

    book(signed_in)
    signed_in.route(re.compile("/cancellation$"), lose_the_first)
    cancel(signed_in)
    expect(signed_in.get_by_role("heading", level=1)).to_have_text("Your booking is cancelled")
    assert len(lost) == 1 and lost[0].status == 200


def test_double_click_books_once(signed_in):
    """The second click finds the first at work."""
    sent = posts(signed_in)
    signed_in.route(BOOKINGS, lambda route: (signed_in.wait_for_timeout(300), route.continue_()))
    fill_booking(signed_in, "Double Click")
    signed_in.get_by_role("button", name="Book", exact=True).dblclick()
    is_booked(signed_in)
    assert len(sent) == 1
    signed_in.unroute_all(behavior="wait")
    assert bookings_of(signed_in, "Double Click") == 1


def test_a_lost_answer_is_asked_for_again(signed_in):
    """The booking was made and the answer got lost: the same key finds it."""
    lost = []

    def lose_the_first(route):
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort("connectionreset")
        else:
            route.continue_()

    sent = posts(signed_in)
    signed_in.route(BOOKINGS, lose_the_first)
    book(signed_in, "Lost Answer")
    assert lost == [201]
    assert len(sent) == 2
    assert len({headers["idempotency-key"] for headers in sent}) == 1
    assert len({headers["traceparent"].split("-")[1] for headers in sent}) == 1
    assert len({headers["traceparent"] for headers in sent}) == 2
    signed_in.unroute_all(behavior="wait")
    assert bookings_of(signed_in, "Lost Answer") == 1


def test_api_down(signed_in):
    """After some tries it says so; when the API is back, the same key is sent."""
    sent = posts(signed_in)
    signed_in.route(BOOKINGS, lambda route: route.abort("connectionrefused"))
    fill_booking(signed_in, "Patient Person")
    press_book(signed_in)
    alert = signed_in.get_by_role("alert")
    expect(alert).to_contain_text("The service cannot be reached at the moment.")
    expect(alert).to_contain_text("it is made once")
    assert len(sent) == 3
    signed_in.unroute_all(behavior="wait")
    press_book(signed_in)
    is_booked(signed_in)
    assert len({headers["idempotency-key"] for headers in sent}) == 1
    assert bookings_of(signed_in, "Patient Person") == 1


def test_api_too_busy(signed_in):
    """A 503 is tried again, after what it asks for."""
    refused = []

    def refuse_the_first(route):
        if route.request.method == "POST" and not refused:
            refused.append(1)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    signed_in.route(BOOKINGS, refuse_the_first)
    book(signed_in)
    assert refused


def test_another_booking_has_another_key(signed_in):
    """The same flight may be wanted twice."""
    sent = posts(signed_in)
    for _ in range(2):
        book(signed_in, "Second Wish")
        signed_in.get_by_role("link", name="Book another flight").click()
    assert len({headers["idempotency-key"] for headers in sent}) == 2
    assert bookings_of(signed_in, "Second Wish") == 2


def test_offline(signed_in):
    """Said before and after trying; what was typed goes through when the line is back."""
    fill_booking(signed_in, "Under Ground")
    signed_in.context.set_offline(True)
    expect(signed_in.get_by_role("status").filter(has_text="You are offline.")).to_be_visible()
    press_book(signed_in)
    expect(signed_in.get_by_role("alert")).to_contain_text("You are offline. What you typed stays here.")
    signed_in.context.set_offline(False)
    expect(signed_in.get_by_text("You are offline.")).to_have_count(0)
    expect(signed_in.get_by_role("status").filter(has_text="You are back online. Try again.")).to_be_visible()
    press_book(signed_in)
    is_booked(signed_in)


def test_a_refused_token_is_renewed(signed_in):
    """Once, without a word to the user."""
    refused = []

    def refuse_the_first(route):
        if route.request.method == "POST" and not refused:
            refused.append(route.request.headers["authorization"])
            route.fulfill(status=401, content_type="application/problem+json", body="{}")
        else:
            route.continue_()

    sent = posts(signed_in)
    signed_in.route(BOOKINGS, refuse_the_first)
    book(signed_in)
    assert [headers["authorization"] for headers in sent][0] == refused[0]
    assert len({headers["authorization"] for headers in sent}) == 2


def test_expired_session(signed_in, cloud):
    """Said plainly; after signing in again what was typed is still there."""
    signed_in.route(BOOKINGS, lambda route: route.fulfill(status=401, content_type="application/problem+json", body="{}"))
    signed_in.route(COGNITO, lambda route: route.fulfill(status=400, body='{"__type":"NotAuthorizedException","message":"Refresh Token has expired"}'))
    fill_booking(signed_in, "Late Riser")
    press_book(signed_in)
    expect(signed_in.get_by_role("alert")).to_contain_text("Your session has ended.")
    signed_in.unroute_all(behavior="wait")
    user = cloud.user("acme")
    fill_sign_in(signed_in, user["username"], user["password"])
    expect(signed_in.get_by_label("Passenger")).to_have_value("Late Riser")
    press_book(signed_in)
    is_booked(signed_in)


def test_telemetry_down(page, cloud):
    """Neither a missing chunk nor a dead collector costs a booking, and calls still carry a trace id."""
    page.route("**/assets/spans-*", lambda route: route.abort())
    page.route("**/_local/v1/traces", lambda route: route.abort())
    sent = posts(page)
    sign_in(page, cloud.user("acme"))
    book(page)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", sent[0]["traceparent"])


def test_sign_in_service_down(page):
    """Said plainly."""
    page.route(COGNITO, lambda route: route.abort("connectionrefused"))
    page.goto("/")
    fill_sign_in(page, "pilot@acme.example", "whatever")
    expect(page.get_by_role("alert")).to_contain_text("The sign-in service cannot be reached at the moment.")


def test_no_configuration(page):
    """A page that cannot start says so."""
    page.route("**/config.json", lambda route: route.fulfill(status=500))
    page.goto("/")
    expect(page.locator("#portal")).to_contain_text("The portal cannot start")
    page.troubles.errors.clear()
