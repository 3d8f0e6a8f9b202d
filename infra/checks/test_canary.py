"""The canary's script as the template has it: signs in to the local cloud's Cognito by SRP, books with a stub, waits for the miles.

Skipped where Node.js or the local cloud is missing.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from project import ROOT, Project

NODE = shutil.which("node")
MINISTACK = ROOT / ".local/venv/bin/ministack"
USER, PASSWORD = "canary@example.com", "Correct-Horse-42"

pytestmark = pytest.mark.skipif(NODE is None or not MINISTACK.exists(), reason="needs Node.js and the local cloud (make build)")


@pytest.fixture(scope="module")
def cognito(tmp_path_factory):
    """A user pool with a user, and where it answers."""
    folder = tmp_path_factory.mktemp("ministack")
    # No other process is given the port while this socket has it. The emulator may listen there all the same: both say SO_REUSEADDR.
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    if sys.platform != "linux":
        held.close()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "STATE_DIR": str(folder),
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING",
    }
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([MINISTACK], env=environment, stdout=log, stderr=log)
    try:
        endpoint = f"http://127.0.0.1:{port}/"
        wait_for(endpoint + "_ministack/health")
        pool = call(endpoint, "CreateUserPool", {"PoolName": "canary"})["UserPool"]["Id"]
        client = call(endpoint, "CreateUserPoolClient", {
            "UserPoolId": pool, "ClientName": "portal", "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        })["UserPoolClient"]["ClientId"]
        call(endpoint, "AdminCreateUser", {"UserPoolId": pool, "Username": USER, "MessageAction": "SUPPRESS"})
        call(endpoint, "AdminSetUserPassword", {"UserPoolId": pool, "Username": USER, "Password": PASSWORD, "Permanent": True})
        yield {"endpoint": endpoint, "poolId": pool, "clientId": client, "username": USER, "password": PASSWORD}
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        held.close()


def wait_for(url):
    for _ in range(600):
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the local cloud did not start")


def call(endpoint, operation, body):
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AWSCognitoIdentityProviderService.{operation}"}
    request = urllib.request.Request(endpoint, json.dumps(body).encode(), headers)
    return json.loads(urllib.request.urlopen(request, timeout=60).read() or b"{}")


@pytest.fixture
def api():
    """Both APIs: miles arrive with the third question, or never."""
    state = {"booked": None, "asked": 0, "arrive": 3}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state["booked"] = (self.path, body, dict(self.headers))
            self.answer(201, {"booking_number": "YZBHV6VK"})

        def do_GET(self):
            state["asked"] += 1
            arrived = state["asked"] >= state["arrive"]
            self.answer(200, {"status": "posted", "miles": 3452} if arrived else {"status": "pending"})

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", state
    server.shutdown()


def run(folder, expression):
    script = Project.read().templates["observability"]["Resources"]["Canary"]["Properties"]["Code"]["Script"]
    (folder / "journey.js").write_text(script)
    code = f"const c = require('./journey.js'); ({expression}).then((v) => console.log('RESULT', JSON.stringify(v)),"
    code += " (e) => { console.log('FAILED', e.message); process.exitCode = 1; })"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run([NODE, "-e", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return done.stdout.strip().splitlines()


def test_it_signs_in(cognito, tmp_path):
    *_, last = run(tmp_path, f"c.signIn({json.dumps(cognito)})")
    assert last.startswith("RESULT") and last.count(".") == 2, "an ID token has three parts"


def test_a_wrong_password_is_told(cognito, tmp_path):
    *_, last = run(tmp_path, f"c.signIn({json.dumps({**cognito, 'password': 'wrong'})})")
    assert last.startswith("FAILED") and "NotAuthorized" in last


def test_it_books_and_waits_for_the_miles(api, tmp_path):
    url, state = api
    given = json.dumps({"bookingApi": url, "mileageApi": url, "token": "t", "pause": 10})
    logged, last = run(tmp_path, f"c.journey({given})")
    assert json.loads(last.removeprefix("RESULT ")) == {"status": "posted", "miles": 3452}
    assert json.loads(logged)["traceparent"].startswith("00-")
    path, body, headers = state["booked"]
    assert path == "/bookings" and body["from_airport"] == "LHR" and set(body) == {
        "from_airport", "to_airport", "departure_date", "passenger_name"}
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer t" and headers["idempotency-key"]


def test_miles_that_never_arrive_are_a_failure(api, tmp_path):
    url, state = api
    state["arrive"] = 10**9
    given = json.dumps({"bookingApi": url, "mileageApi": url, "token": "t", "pause": 10, "within": 200})
    *_, last = run(tmp_path, f"c.journey({given})")
    assert last == "FAILED no miles for YZBHV6VK within 0.2 s"
