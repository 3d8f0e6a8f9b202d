"""The hosted login, with PKCE: the emulator's login page stands in for the pool's domain."""

import urllib.parse

import pytest
from playwright.sync_api import expect

CLIENT = {
    "ClientName": "hosted",
    "GenerateSecret": False,
    "SupportedIdentityProviders": ["COGNITO"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid", "profile"],
}


@pytest.fixture
def hosted(page, portal, cloud):
    """The page, with a portal that is configured for the hosted login."""
    home = portal.url + "/"
    created = cloud.administer("CreateUserPoolClient", **CLIENT, CallbackURLs=[home], LogoutURLs=[home])
    client = created["UserPoolClient"]["ClientId"]
    emulator = cloud.outputs["aws_endpoint_url"]

    def configure(route):
        config = route.fetch().json() | {"hosted_login": f"{portal.url}/hosted", "user_pool_client_id": client}
        route.fulfill(json=config)

    def to_emulator(route):
        url = emulator + route.request.url.split("/hosted", 1)[1]
        if route.request.is_navigation_request():
            route.fulfill(status=302, headers={"location": url})
        else:
            route.fulfill(response=route.fetch(url=url))

    page.route("**/config.json", configure)
    page.route("**/hosted/**", to_emulator)
    return page


def test_sign_in_and_out(hosted, cloud):
    """There and back with a code; the address keeps neither code nor state; signing out ends both sessions."""
    user = cloud.user("globex")
    hosted.goto("/#/invite")
    with hosted.expect_request("**/oauth2/authorize?*") as asked:
        hosted.get_by_role("button", name="Sign in").click()
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked.value.url).query))
    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43

    hosted.locator("input[name=username]").fill(user["username"])
    hosted.locator("input[name=password]").fill(user["password"])
    with hosted.expect_request("**/oauth2/token") as exchanged:
        hosted.locator("[type=submit]").click()
    assert "code_verifier=" in exchanged.value.post_data
    expect(hosted.get_by_role("banner")).to_contain_text("Globex Airways standard")
    assert "code" not in hosted.url
    assert hosted.evaluate("sessionStorage.length") == 0

    with hosted.expect_request("**/hosted/logout?*"):
        hosted.get_by_role("button", name="Sign out").click()


def test_a_code_that_nobody_asked_for(hosted):
    """Whoever plants a code in an address signs nobody in."""
    hosted.goto("/?code=planted&state=guessed")
    expect(hosted.get_by_role("alert")).to_contain_text("This sign-in was not begun here.")
    hosted.evaluate("sessionStorage.setItem('portal.pending-login', JSON.stringify({state: 'mine', verifier: 'v'}))")
    hosted.goto("/?" + urllib.parse.urlencode({"code": "planted", "state": "guessed"}))
    expect(hosted.get_by_role("alert")).to_contain_text("This sign-in was not begun here.")
