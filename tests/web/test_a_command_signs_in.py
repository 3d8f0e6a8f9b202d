"""`control-plane login` with a real browser: the page with the users leads back to the command that waits on this machine."""

import json
import os
import socket
import subprocess
import urllib.request

from playwright.sync_api import expect

from local_cloud import PROJECT

OPERATOR = "operator@airline.example"
OBSERVABILITY = "333333333333"


def register(cloud, port: int):
    """Has the staff's user pool know another port than the usual one, on which somebody may be signing in."""
    with urllib.request.urlopen(f"{cloud.outputs['control_plane_url']}/api/sign-in", timeout=60) as answer:
        (staff,) = json.load(answer)["issuers"]
    assert staff["name"] == "staff"
    parameters = {
        "UserPoolId": staff["issuer"].rsplit("/", 1)[1], "ClientId": staff["client_id"],
        "CallbackURLs": [f"http://localhost:{port}/callback"], "SupportedIdentityProviders": ["COGNITO"],
        "AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid", "email", "profile"],
    }  # fmt: skip
    cloud.call("cognito-idp", "UpdateUserPoolClient", account=OBSERVABILITY, **parameters)


def test_a_command_signs_in(cloud, browser, tmp_path):
    """By one click; the browser says so, and the command that had waited, and those after it know who asks."""
    # No other process is given the port while this socket has it; the command may listen there all the same.
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    register(cloud, port)
    environment = {name: value for name, value in os.environ.items() if name != "CONTROL_PLANE_TOKEN"} | {"XDG_CONFIG_HOME": str(tmp_path)}

    def command(*arguments):
        program = [PROJECT / "target/debug/control-plane", *arguments, "--url", cloud.outputs["control_plane_url"]]
        return subprocess.Popen(program, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    with command("login", "--no-browser", "--port", str(port)) as login:
        address = next(line for line in login.stderr if line.startswith("http")).strip()
        page = browser.new_page()
        errors = []
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.goto(address)
        page.get_by_role("button", name=OPERATOR).click()
        expect(page.get_by_text("You are signed in")).to_be_visible()
        told, _ = login.communicate(timeout=120)
    held.close()
    assert login.returncode == 0 and f"as {OPERATOR}." in told
    # The page brings no icon along, and asks for none.
    assert [error for error in errors if "favicon" not in error] == []
    page.close()
    with command("map") as after:
        _, complaint = after.communicate(timeout=120)
    assert after.returncode == 0, complaint
