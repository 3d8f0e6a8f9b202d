"""The service map can be read, however large: measured in the browser, by its own geometry."""

import pytest

from systems import System

# Nodes, accounts, seed.
SYSTEMS = [(15, 3, 1), (15, 4, 2), (60, 4, 3), (60, 6, 4), (200, 5, 5), (200, 6, 6)]

MEASURE = """(isFar) => {
  const svg = document.querySelector("svg.map");
  // In the units of the drawing, as it is read from near or from far away.
  svg.classList.toggle("from-far", isFar);
  const width = Number(svg.getAttribute("width")), height = Number(svg.getAttribute("height"));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  // A browser rounds the sizes of letters that it draws very small.
  Object.assign(svg.style, { width: `${width}px`, height: `${height}px` });
  const shown = (texts) => [...texts].filter((text) => text.checkVisibility());
  const box = (element) => { const { x, y, width, height } = element.getBBox(); return { x, y, width, height }; };
  const around = (boxes) => {
    const x = Math.min(...boxes.map((box) => box.x)), y = Math.min(...boxes.map((box) => box.y));
    return { x, y, width: Math.max(...boxes.map((box) => box.x + box.width)) - x, height: Math.max(...boxes.map((box) => box.y + box.height)) - y };
  };
  const points = (path) => {
    const length = path.getTotalLength(), found = [];
    for (let at = 0; at <= length; at += 4) { const { x, y } = path.getPointAtLength(at); found.push([x, y]); }
    return found;
  };
  const nodes = [...svg.querySelectorAll("a[data-node]")].map((node) => ({
    id: node.dataset.node, account: node.dataset.account ?? "", box: box(node.querySelector(".box")), texts: shown(node.querySelectorAll("text")).map(box),
  }));
  const edges = [...svg.querySelectorAll("a[data-from]")].map((edge) => {
    const lines = shown(edge.querySelectorAll("text"));
    return { from: edge.dataset.from, to: edge.dataset.to, points: points(edge.querySelector(".line")), label: lines.length ? around(lines.map(box)) : null };
  });
  const accounts = [...svg.querySelectorAll(".account")].map((name) => ({ account: name.dataset.account ?? "", label: box(name) }));
  const bands = [...svg.querySelectorAll(".band")].map(box);
  return { nodes, edges, accounts, bands, drawing: { x: 0, y: 0, width, height } };
}"""


def overlap(one, other) -> bool:
    """Whether two boxes share more than an edge."""
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    return not (beside or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"])


def within(inner, outer, slack=0.5) -> bool:
    """Whether a box lies in another."""
    across = inner["x"] >= outer["x"] - slack and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + slack
    return across and inner["y"] >= outer["y"] - slack and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + slack


def inside(point, box, slack=1) -> bool:
    """Whether a point lies in a box, and not just on its side."""
    x, y = point
    return box["x"] + slack < x < box["x"] + box["width"] - slack and box["y"] + slack < y < box["y"] + box["height"] - slack


@pytest.fixture(params=SYSTEMS, ids=[f"{nodes} nodes, {accounts} accounts" for nodes, accounts, _ in SYSTEMS])
def drawn(request, control_plane, page):
    """What the browser made of a map, measured in the units of the drawing."""
    nodes, accounts, seed = request.param
    System(nodes, accounts, seed).send(control_plane.url)
    assert page.goto("/", wait_until="networkidle").ok
    drawn = {"near": page.evaluate(MEASURE, False), "far": page.evaluate(MEASURE, True)}
    known = control_plane.get("/api/map")
    for each in drawn.values():
        assert len(each["nodes"]) == len(known["nodes"]) == nodes
        assert len(each["edges"]) == len(known["edges"])
        assert all(node["texts"] for node in each["nodes"])
    return drawn


def test_a_map_can_be_read(drawn):
    """Each promise of the drawing, near and from far away: they share what is slow, which is the system and its page."""
    for each in drawn.values():
        readable(each)
    # What is left out for want of room is the exception; from far away, edges have no labels.
    labelled = sum(edge["label"] is not None for edge in drawn["near"]["edges"])
    assert labelled >= len(drawn["near"]["edges"]) * 3 / 4
    assert not any(edge["label"] for edge in drawn["far"]["edges"])


def readable(drawn):
    """That nothing lies on what it does not belong to."""
    by_id = {node["id"]: node["box"] for node in drawn["nodes"]}
    for edge in drawn["edges"]:
        foreign = [box for node, box in by_id.items() if node not in (edge["from"], edge["to"])]
        assert not any(inside(point, box) for box in foreign for point in edge["points"]), f"{edge['from']} to {edge['to']} lies behind a node"
        assert all(inside(point, drawn["drawing"], slack=-1) for point in edge["points"])
    labels = [edge["label"] for edge in drawn["edges"] if edge["label"]] + [account["label"] for account in drawn["accounts"]]
    for number, label in enumerate(labels):
        assert within(label, drawn["drawing"]), label
        assert not any(overlap(label, other) for other in labels[number + 1 :]), f"{label} lies on another label"
        assert not any(overlap(label, box) for box in by_id.values()), f"{label} lies on a node"
    bands = {account["account"]: band for account, band in zip(drawn["accounts"], drawn["bands"], strict=True)}
    for node in drawn["nodes"]:
        assert within(node["box"], bands[node["account"]]), f"{node} is not in the band of its account"
        assert all(within(text, node["box"], slack=2) for text in node["texts"]), f"{node} says more than it has room for"
        assert not any(overlap(node["box"], box) for other, box in by_id.items() if other != node["id"])
    for number, band in enumerate(drawn["bands"]):
        assert within(band, drawn["drawing"]) and not any(overlap(band, other) for other in drawn["bands"][number + 1 :])
