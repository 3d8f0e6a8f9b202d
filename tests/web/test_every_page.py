"""Every page is fit for a phone and a desk, by day and by night, for a screen reader, for who has no mouse and for who has no script."""

import pytest
from playwright.sync_api import expect

import every_page
import story
from control_plane import ControlPlane
from local_cloud import PROJECT

AXE = (PROJECT / "portal/node_modules/axe-core/axe.min.js").read_text()
RUN_AXE = AXE + "axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)"
NAMES = [*every_page.NAMES, *every_page.EMPTY, *every_page.WRONG, *every_page.SIGNED_OUT]
# Texts that lie on each other, by more than what letters reach beyond their line.
OVERLAPS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  // What stays in its place while the rest scrolls lies on it, and is meant to.
  const layer = (element) => {
    for (let around = element; around; around = around.parentElement) if (["fixed", "sticky"].includes(getComputedStyle(around).position)) return around;
    return null;
  };
  const texts = [];
  for (let node; (node = walker.nextNode());) {
    if (!node.data.trim()) continue;
    const parent = node.parentElement;
    if (!parent.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || parent.closest(".unseen, .skip, script, noscript, option, title")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width < 1 || box.height < 1) continue;
      // What is scrolled out of its box is not seen.
      let shown = { left: box.left, right: box.right, top: box.top + box.height * 0.2, bottom: box.bottom - box.height * 0.2 };
      for (let around = parent; around; around = around.parentElement) {
        if (getComputedStyle(around).overflowX === "visible") continue;
        const edge = around.getBoundingClientRect();
        shown = { left: Math.max(shown.left, edge.left), right: Math.min(shown.right, edge.right), top: Math.max(shown.top, edge.top), bottom: Math.min(shown.bottom, edge.bottom) };
      }
      if (shown.right - shown.left > 1 && shown.bottom - shown.top > 1) texts.push({ node, text: node.data.trim().slice(0, 40), layer: layer(parent), ...shown });
    }
  }
  texts.sort((a, b) => a.top - b.top);
  const found = [];
  for (let i = 0; i < texts.length; i++) {
    for (let j = i + 1; j < texts.length && texts[j].top < texts[i].bottom; j++) {
      const [a, b] = [texts[i], texts[j]];
      // Of a text that ends in an ellipsis there are two boxes: all of it, and what is seen.
      if (a.node === b.node || a.layer !== b.layer) continue;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2) found.push(`${a.text} / ${b.text}`);
    }
  }
  return found.slice(0, 10);
}"""
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  window.seen ??= new Map();
  if (!window.seen.has(element)) window.seen.set(element, window.seen.size);
  const style = getComputedStyle(element);
  const says = element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40);
  return { number: window.seen.get(element), says: `${element.tagName} ${element.className.baseVal ?? element.className} ${says}`, outline: parseFloat(style.outlineWidth), style: style.outlineStyle };
}"""
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((element) =>
  element.tabIndex >= 0 && !element.disabled && element.type !== "hidden" && element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0
  && !element.closest("[inert]")).length"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A control plane that was told the story, one that knows nothing yet, and one that asks who somebody is."""
    configurations = {"told": story.PRICES, "empty": "", "signed out": every_page.ACCESS}
    servers = {name: ControlPlane(tmp_path_factory.mktemp(name), more) for name, more in configurations.items()}
    try:
        with story.told(servers["told"]):
            yield servers | {"paths": every_page.pages(servers["told"].url) | every_page.WRONG | every_page.EMPTY | every_page.SIGNED_OUT}
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture
def control_plane(servers, name):
    """The one that has the page."""
    return servers["empty" if name in every_page.EMPTY else "signed out" if name in every_page.SIGNED_OUT else "told"]


@pytest.fixture
def path(servers, name):
    """Where the page is."""
    return servers["paths"][name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", every_page.SIZES)
def test_it_fits_and_axe_finds_nothing(browser, control_plane, path, name, size):
    """No sideways scrolling, no text on another, one first heading, and nothing that axe-core holds against it, in both themes."""
    width, height = every_page.SIZES[size]
    context = browser.new_context(base_url=control_plane.url, viewport={"width": width, "height": height}, reduced_motion="reduce")
    page = context.new_page()
    for scheme in every_page.SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(path, wait_until="networkidle")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        needed, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert needed <= room, f"{needed - room} too wide"
        assert not page.evaluate(OVERLAPS)
        violations = [f"{each['id']}: {[node['html'][:300] for node in each['nodes'][:5]]}" for each in page.evaluate(RUN_AXE)]
        assert not violations, f"{scheme}: {violations}"
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_keyboard_reaches_everything_and_is_never_held(browser, control_plane, path, name):
    """From the head to the end by Tab alone: each stop can be seen, none comes twice, and after the last the page is left."""
    context = browser.new_context(base_url=control_plane.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    reachable = page.evaluate(REACHABLE)
    stops = []
    for _ in range(reachable + 20):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        # Beyond the last, a browser without a window begins anew.
        if stop is None or (stops and stop["number"] == 0):
            break
        assert stop["number"] == len(stops), f"a second time at {stop['says']}"
        assert stop["outline"] >= 2 and stop["style"] != "none", f"nobody sees that the focus is at {stop['says']}"
        stops.append(stop)
    assert "To the content" in stops[0]["says"]
    # A group of radio buttons, and what answers to arrows, is one stop.
    assert reachable - len(stops) <= page.locator("[role=tab], input[type=radio]").count(), f"{len(stops)} of {reachable} were reached"
    context.close()


@pytest.mark.parametrize("name", every_page.NAMES)
def test_without_a_script_the_figures_are_there_as_tables(browser, control_plane, path, name):
    """The same heading, forms that can be sent, and each drawing as a table."""
    context = browser.new_context(base_url=control_plane.url, java_script_enabled=False)
    page = context.new_page()
    assert page.goto(path).ok
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for form in page.locator("main form").all():
        assert form.locator("button:not([type]), button[type=submit]").count() >= 1
    if name in every_page.WITH_FIGURES:
        assert page.locator("main table tbody tr, main ol.waterfall > li, main .waterfall [role=row]").count() > 0
    for drawing in page.locator("main figure").all():
        inside = drawing.locator("table tbody tr, a[href]").count()
        assert inside, drawing.inner_text()
    context.close()


@pytest.mark.parametrize("name", ["tenant"])
def test_one_tab_passes_a_chart(browser, control_plane, path, name):
    """However many points it has."""
    context = browser.new_context(base_url=control_plane.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    charts = page.locator("main figure.chart")
    # Drawn, and not only the tables that stand in their place without a script.
    expect(charts.locator("canvas").first).to_be_visible()
    for chart in charts.all():
        stops = chart.locator("a[href], button, [tabindex='0'], summary").evaluate_all(
            "elements => elements.filter(element => element.checkVisibility() && !element.matches('summary')).length"
        )
        assert stops <= 1, chart.inner_text()
    context.close()


@pytest.mark.parametrize("name", ["map"])
def test_no_part_of_the_head_is_alone_in_its_line(browser, control_plane, path, name):
    """Whatever the width: the ways to the pages are as many in each line, and the zone of times is beside the name."""
    context = browser.new_context(base_url=control_plane.url)
    page = context.new_page()
    for width in (360, 390, 768, 820, 1024, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(path, wait_until="networkidle")
        lines = page.get_by_role("navigation", name="Pages").get_by_role("link").evaluate_all("all => all.map(each => Math.round(each.getBoundingClientRect().top))")
        assert len({lines.count(line) for line in lines}) == 1, f"{width}: {lines}"
        name_box, zone = (page.locator(part).bounding_box() for part in (".brand", "#zone"))
        assert abs(name_box["y"] + name_box["height"] / 2 - zone["y"] - zone["height"] / 2) < 2, f"{width}: {name_box}, {zone}"
    context.close()
