"""On AWS the APIs have origins of their own: what the browser then asks for and may read."""

import pytest
from playwright.sync_api import expect

from steps import book, sign_in


@pytest.fixture
def apart(browser, portal, cloud):
    """A page whose APIs are at another origin: to a browser, localhost is not 127.0.0.1."""
    # The local policy knows one origin only.
    context = browser.new_context(base_url=portal.url, bypass_csp=True)
    page = context.new_page()
    urls = {name: cloud.outputs[name].replace("127.0.0.1", "localhost") for name in ("booking_url", "mileage_url")}
    page.route("**/config.json", lambda route: route.fulfill(json=route.fetch().json() | urls))
    yield page
    context.close()


def test_book_and_see_the_miles(apart, cloud):
    """Preflights let every header through, and the trace id of the answer can be read."""
    with apart.expect_response(lambda answer: answer.request.method == "POST" and answer.url.endswith("/bookings")) as answered:
        sign_in(apart, cloud.user("acme"))
        book(apart)
    assert answered.value.url.startswith("http://localhost:")
    expect(apart.get_by_role("status").filter(has_text="have arrived")).to_be_visible()
    trace_id = answered.value.all_headers()["traceparent"].split("-")[1]
    expect(apart.locator(".its-trace code")).to_have_text(trace_id)
