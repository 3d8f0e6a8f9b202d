"""On AWS the APIs have origins of their own: what the browser then asks for and may read."""

import urllib.error
import urllib.request

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


@pytest.mark.parametrize("api", ["booking_url", "mileage_url"])
@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_no_other_origin_is_let_in(cloud, api, method):
    """Whoever asks: preflight and refusals alike name the portal alone."""
    path = "/bookings" if api == "booking_url" else "/mileage"
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    request = urllib.request.Request(cloud.outputs[api] + path, headers=headers, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refused:
        answer = refused
    assert answer.status == (200 if method == "OPTIONS" else 401)
    assert answer.headers["access-control-allow-origin"] == cloud.outputs["portal_url"]


def test_administrators_do_not_come_by_the_portal(cloud, portal):
    """What browsers may ask of the sign-in service is a short list."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityProviderService.AdminCreateUser"}
    request = urllib.request.Request(f"{portal.url}/_local/cognito", b"{}", headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 403
