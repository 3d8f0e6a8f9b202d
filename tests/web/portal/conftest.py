"""The portal, served by the local cloud, and a page that is open at it."""

import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_cloud import PROJECT
from troubles import watch

AXE = PROJECT / "portal/node_modules/axe-core/axe.min.js"

SIZES = [(390, 844), (768, 1024), (1440, 900)]
SCHEMES = ["light", "dark"]


@pytest.fixture(scope="session")
def built_portal():
    """portal/dist, made where it is out of date."""
    done = subprocess.run(["make", "--silent", "portal"], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"make portal: {done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def portal(built_portal, cloud):
    """Where the portal is, at one origin with all it calls."""
    return SimpleNamespace(url=cloud.outputs["portal_url"])


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
    page = watch(context.new_page(), answers_may_fail=True)
    yield page
    context.close()


@pytest.fixture
def check(page, screenshots):
    """Holds the page against the rules in each size and scheme, and takes its pictures."""
    # As a debugger would: the page's own policy lets nothing in.
    axe = AXE.read_text()

    def check(name):
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled")
                found = page.evaluate(axe + "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
                violations = [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]
                assert not violations, f"{name}, {width}, {scheme}: {violations}"
            needed, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert needed <= room, f"{name} scrolls sideways at {width}"
            cut = page.locator(".scroll").evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.ariaLabel)")
            assert not cut, f"{name}: tables are cut off at {width}: {cut}"

    return check
