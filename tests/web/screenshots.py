"""Takes the pictures of README and docs (`make pictures`), or with a folder those of every page, in both sizes and themes, to be looked at:

    .local/venv/bin/python tests/web/screenshots.py /tmp/pictures
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import crowd
import every_page
import story
from conftest import CHROMIUM
from control_plane import ControlPlane

PROJECT = Path(__file__).parents[2]
IMAGES = PROJECT / "docs/images"
# Pictures of the portal by their names in docs, and in its tests.
PORTAL = {
    "portal": "booked-1440-light",
    "portal-phone": "booked-390-light",
    "portal-phone-dark": "booked-390-dark",
    "portal-sign-in-dark": "sign-in-1440-dark",
    "portal-service": "service-1440-light",
}
READY = "The simulated tenants go on sending"


@contextlib.contextmanager
def demo():
    """The demo, once everything was booked that it books; where its control plane is."""
    command = [PROJECT / "target/debug/local", "demo", "--open", "--port", "0", "--control-plane-port", "0"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = ""
    try:
        for line in process.stdout:
            said += line
            if READY in line:
                break
        else:
            raise RuntimeError(f"the demo ended:\n{said}")
        yield re.search(r"(http://127\.0\.0\.1:\d+)/(?:tenants|find|cost)", said)[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@contextlib.contextmanager
def browser():
    """The system's Chromium."""
    with sync_playwright() as playwright:
        # As root Chromium starts only with --no-sandbox.
        yield playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False)


def take(browser, url: str, paths: dict[str, str], folder: Path, sizes, schemes, whole: bool):
    """A picture of each page, in each size and theme: `<name>-<size>-<theme>.png`, or `<name>.png` where there is one of both."""
    for size, (width, height) in sizes.items():
        for scheme in schemes:
            context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce")
            page = context.new_page()
            for name, path in paths.items():
                page.goto(path, wait_until="networkidle")
                called = name if len(sizes) * len(schemes) == 1 else f"{name}-{size}-{scheme}"
                page.screenshot(path=folder / f"{called}.png", full_page=whole, animations="disabled")
            context.close()


def take_all(folder: Path):
    """Every page of a control plane that was told the story, of one that knows nothing yet, of one that knows more than fits, and of one that asks who somebody is."""
    folder.mkdir(parents=True, exist_ok=True)
    nothing = lambda _: contextlib.nullcontext()
    kinds = [
        ("", nothing, lambda _: every_page.EMPTY),
        (every_page.ACCESS, nothing, lambda _: every_page.SIGNED_OUT),
        ("", lambda server: contextlib.nullcontext(crowd.send(server)), lambda _: every_page.CROWDED),
        (story.PRICES, story.told, lambda url: every_page.pages(url) | every_page.WRONG),
    ]
    with browser() as chromium:
        for configuration, told, paths in kinds:
            with tempfile.TemporaryDirectory() as directory:
                server = ControlPlane(Path(directory), configuration)
                try:
                    with told(server):
                        take(chromium, server.url, paths(server.url), folder, every_page.SIZES, every_page.SCHEMES, whole=True)
                finally:
                    server.stop()


def take_those_of_the_portal():
    """What README shows, as the portal's tests come upon it."""
    with tempfile.TemporaryDirectory() as folder:
        tests = ["tests/web/portal/test_fit.py", "tests/web/portal/test_service.py"]
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=PROJECT, env={**os.environ, "SCREENSHOTS": folder})
        if done.returncode:
            raise RuntimeError("the portal's pages are not as they should be")
        for name, found in PORTAL.items():
            shutil.copy(Path(folder) / f"{found}.png", IMAGES / f"{name}.png")


def take_those_of_the_docs():
    """What README shows, of the demo."""
    with demo() as url, browser() as chromium:
        slow = every_page.first(url, {"window": "1h", "filter": 'service("mileage-api")', "order": "slowest", "limit": 1})
        paths = {
            "service-map": "/",
            "waterfall": f"/traces/{slow}",
            "search": "/traces?order=slowest",
            "tenants": "/tenants",
            "tenant": "/tenant?id=acme",
        }
        take(chromium, url, paths, IMAGES, {"desk": every_page.SIZES["desk"]}, ["light"], whole=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take_all(Path(sys.argv[1]))
    else:
        take_those_of_the_docs()
        take_those_of_the_portal()
