"""Jaeger's own code, and its own page where one is built, read the control plane's answers."""

import http.server
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from conftest import SERVICE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# What `npm run build` makes of jaeger-ui.
PAGE = os.environ.get("JAEGER_UI")
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}


def test_jaegers_translator_makes_the_same_of_each_trace(control_plane):
    """The unversioned answers are, member by member, what Jaeger's own translator makes of version 3's."""
    environment = os.environ | {"CONTROL_PLANE_URL": control_plane.url, "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    command = ["go", "test", "-count=1", "-v", "./..."]
    done = subprocess.run(command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


class Front(http.server.BaseHTTPRequestHandler):
    """What a reverse proxy does: Jaeger's page below /jaeger, and its API from the control plane."""

    api = ""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/jaeger/api/"):
            try:
                with urllib.request.urlopen(self.api + self.path, timeout=10) as answer:
                    status, kind, body = answer.status, answer.headers["content-type"], answer.read()
            except urllib.error.HTTPError as refusal:
                status, kind, body = refusal.code, refusal.headers["content-type"], refusal.read()
        else:
            own = Path(PAGE, path.removeprefix("/jaeger/")) if path.startswith("/jaeger/static/") else Path(PAGE, "index.html")
            status, kind, body = 200, TYPES.get(own.suffix, "application/octet-stream"), own.read_bytes()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def front(control_plane):
    """Where the page is."""
    if not PAGE:
        pytest.skip("JAEGER_UI names no built page of Jaeger's")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Front,), {"api": control_plane.url}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jaeger"
    server.shutdown()


def test_jaegers_page_lists_services_finds_a_trace_and_opens_it(front):
    """With its types, links and events; nothing it asks for fails."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        failed = []
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{front}/search")
        page.get_by_role("combobox").first.click()
        page.keyboard.type(SERVICE)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Find Traces").click()
        found = page.get_by_role("link", name=f"{SERVICE}: span 1")
        expect(found).to_be_visible()
        expect(page.get_by_text("5 Spans")).to_be_visible()
        expect(page.get_by_text("1 Error", exact=True)).to_be_visible()
        found.click()
        page.get_by_text("span 2", exact=True).click()
        for text in ("9223372036854775807", 'Zürich → 成田 <b>"7A" & more</b>', "page read", "named by itself"):
            expect(page.get_by_text(text).first).to_be_visible()
        page.get_by_text("References").click()
        expect(page.get_by_text("efefefefefefefef").first).to_be_visible()
        assert not failed
        browser.close()
