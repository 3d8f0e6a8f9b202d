// The service map: zoom, pan, fit, arrow keys from node to node, and more of a node or an edge beside it. No page needs it: without it the map
// scrolls, and each node leads to a page that shows the same.
"use strict";
(() => {
  /** From how many pixels a unit of the drawing on everything in a node can be read, and not its name alone. */
  const NEAR = 0.55;
  /** As small as a map is shown at first, where it does not fit. */
  const FIRST = 0.4;
  const MOST = 3;
  const STEP = 1.3;
  /** Around a drawing that fits, pixels. */
  const MARGIN = 8;
  /** How far a pointer moves before that is no click, pixels. */
  const CLICK = 4;

  /** What is shown, over all swaps: pixels a unit, and the point of the drawing in the upper left corner. */
  let view = null;
  /** How high the drawing is. */
  let height;
  /** The drawing now, and its svg, which a live page exchanges. */
  let drawing, svg, whole;
  const panel = () => document.getElementById("panel");
  const clamp = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

  const smallest = () => Math.min(1, room().width / whole.width, room().height / whole.height);
  const room = () => ({ width: drawing.clientWidth - MARGIN, height: drawing.clientHeight - MARGIN });

  const show = () => {
    const { width, height } = drawing.getBoundingClientRect();
    view.scale = clamp(view.scale, smallest(), MOST);
    // No further than to its edges; in the middle, where it is smaller than its place.
    const bound = (at, size, shown) => (size <= shown ? (size - shown) / 2 : clamp(at, -MARGIN, size - shown + MARGIN));
    view.x = bound(view.x, whole.width, width / view.scale);
    view.y = bound(view.y, whole.height, height / view.scale);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${width / view.scale} ${height / view.scale}`);
    svg.classList.toggle("from-far", view.scale < NEAR);
  };

  /** Zooms about a point of the window; about the middle, if there is none. */
  const zoom = (factor, at) => {
    const box = drawing.getBoundingClientRect();
    const [left, top] = at ? [at.clientX - box.left, at.clientY - box.top] : [box.width / 2, box.height / 2];
    const [x, y] = [view.x + left / view.scale, view.y + top / view.scale];
    view.scale = clamp(view.scale * factor, smallest(), MOST);
    [view.x, view.y] = [x - left / view.scale, y - top / view.scale];
    show();
  };

  const fit = () => {
    view = { scale: smallest(), x: 0, y: 0 };
    show();
  };

  /** Moves what is shown by so many pixels. */
  const pan = (right, down) => {
    view.x += right / view.scale;
    view.y += down / view.scale;
    show();
  };

  // Nodes and edges.

  const nodes = () => [...svg.querySelectorAll("a[data-node]")];
  const edges = () => [...svg.querySelectorAll("a[data-from]")];
  const part = (target) => target.closest?.("a[data-node], a[data-from]");
  const box = (node) => node.querySelector(".box").getBBox();
  const middle = (node) => {
    const { x, y, width, height } = box(node);
    return { x: x + width / 2, y: y + height / 2 };
  };

  /** Lights up a node with its edges and neighbours, or an edge with its ends; nothing, if there is none. */
  const light = (of) => {
    svg.classList.toggle("lit", Boolean(of));
    svg.querySelectorAll(".on").forEach((element) => element.classList.remove("on"));
    if (!of) return;
    const { node, from, to } = of.dataset;
    const lit = edges().filter((edge) => (node ? edge.dataset.from === node || edge.dataset.to === node : edge === of));
    const ids = new Set(lit.flatMap((edge) => [edge.dataset.from, edge.dataset.to]).concat(node ?? [from, to]));
    for (const element of [...lit, ...nodes().filter((each) => ids.has(each.dataset.node))]) element.classList.add("on");
  };

  /** The node or edge whose details are open. */
  const chosen = () => {
    const open = new URL(location.href).searchParams;
    const same = (link) => {
      const query = new URL(link.href.baseVal, location.href).searchParams;
      return ["node", "caller", "called"].every((name) => query.get(name) === open.get(name));
    };
    return ["node", "caller"].some((name) => open.has(name)) ? [...nodes(), ...edges()].find(same) : undefined;
  };

  const mark = () => {
    const open = chosen();
    svg.querySelectorAll("[aria-current]").forEach((element) => element.removeAttribute("aria-current"));
    open?.setAttribute("aria-current", "true");
  };

  /** The node that is next in a direction: near, and not far to the side. */
  const next = (from, right, down) => {
    const start = from ? middle(from) : { x: -1, y: -1 };
    const cost = (node) => {
      const { x, y } = middle(node);
      const [ahead, aside] = right ? [(x - start.x) * right, Math.abs(y - start.y)] : [(y - start.y) * down, Math.abs(x - start.x)];
      return ahead > 1 ? ahead + 2 * aside : Infinity;
    };
    const best = nodes().map((node) => [from ? cost(node) : Math.hypot(middle(node).x, middle(node).y), node]);
    return best.reduce((one, other) => (other[0] < one[0] ? other : one), [Infinity])[1];
  };

  const focus = (node) => {
    if (!node) return;
    node.focus({ preventScroll: true });
    const { x, y, width, height } = box(node);
    const shown = { width: drawing.clientWidth / view.scale, height: drawing.clientHeight / view.scale };
    view.x = clamp(view.x, x + width + 20 - shown.width, x - 20);
    view.y = clamp(view.y, y + height + 20 - shown.height, y - 40);
    show();
    light(node);
  };

  // Details beside the map.

  /** What they are of, as the address says it. */
  const about = () => ["node", "caller", "called"].map((name) => new URL(location.href).searchParams.get(name)).join("\n");
  let details = about();

  const open = async (href, keep) => {
    if (!keep) history.pushState(null, "", href);
    details = about();
    const before = panel();
    before.setAttribute("aria-busy", "true");
    try {
      await htmx.ajax("GET", href, { target: "#panel", select: "#panel", swap: "outerHTML" });
    } catch {
      // Told below.
    }
    if (details !== about()) return;
    if (panel() === before) {
      const told = document.createElement("p");
      Object.assign(told, { role: "alert", textContent: "This cannot be read at the moment." });
      before.replaceChildren(told);
      before.removeAttribute("aria-busy");
    }
    mark();
    panel().querySelector("h2")?.focus();
  };

  const close = () => {
    const back = chosen();
    const url = new URL(location.href);
    for (const name of ["node", "caller", "called"]) url.searchParams.delete(name);
    history.pushState(null, "", url);
    details = about();
    panel().replaceChildren();
    show();
    mark();
    if (back?.dataset.node) focus(back);
    else drawing.focus();
  };

  // What the reader does.

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) pan(80 * arrow[0], 80 * arrow[1]);
    else if (arrow) focus(next(part(document.activeElement), ...arrow));
    else if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  };

  /** Pointers that are down, by id. */
  const down = new Map();
  let moved = 0;

  const pointers = {
    pointerdown(event) {
      if (event.button !== 0) return;
      if (down.size === 0) moved = 0;
      down.set(event.pointerId, event);
    },
    pointermove(event) {
      const before = down.get(event.pointerId);
      if (!before) return;
      const [right, below] = [event.clientX - before.clientX, event.clientY - before.clientY];
      moved += Math.abs(right) + Math.abs(below);
      down.set(event.pointerId, event);
      if (moved <= CLICK) return;
      // From here on it is no click, and goes on where it leaves the drawing.
      if (!drawing.hasPointerCapture(event.pointerId)) drawing.setPointerCapture(event.pointerId);
      if (down.size === 1) return pan(-right, -below);
      const other = [...down.values()].find((each) => each.pointerId !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      if (apart(before) > 0) zoom(apart(event) / apart(before), { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 });
    },
    pointerup: (event) => down.delete(event.pointerId),
    pointercancel: (event) => down.delete(event.pointerId),
  };

  const buttons = () => {
    const bar = document.createElement("div");
    bar.className = "zoom";
    for (const [text, name, act] of [["+", "Zoom in", () => zoom(STEP)], ["−", "Zoom out", () => zoom(1 / STEP)], ["Fit", "Fit the whole map", fit]]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, title: name });
      button.setAttribute("aria-label", name);
      button.addEventListener("click", act);
      bar.append(button);
    }
    return bar;
  };

  const start = () => {
    const found = document.querySelector(".drawing");
    if (!found || found === drawing) return;
    drawing = found;
    svg = drawing.querySelector("svg.map");
    whole = { width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height };
    drawing.classList.add("zooms");
    // As high as all of it is at the width that there is, if that is not too high; later exchanges of it change nothing for the reader.
    const scale = Math.max(FIRST, Math.min(1, (drawing.clientWidth - MARGIN) / whole.width));
    height ??= `${Math.ceil(whole.height * scale) + 2 * MARGIN}px`;
    drawing.style.setProperty("--height", height);
    drawing.setAttribute("aria-label", `${drawing.getAttribute("aria-label")}. ${drawing.dataset.help}`);
    drawing.before(buttons());
    // One stop for the tabulator: arrow keys go on from there.
    for (const link of [...nodes(), ...edges()]) link.setAttribute("tabindex", "-1");
    if (view) show();
    else {
      view = { scale: 0, x: 0, y: 0 };
      if (smallest() < FIRST) view.scale = Math.max(FIRST, Math.min(1, room().width / whole.width));
      show();
    }
    mark();
    drawing.addEventListener("keydown", press);
    drawing.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002)), event);
    }, { passive: false });
    for (const [name, listener] of Object.entries(pointers)) drawing.addEventListener(name, listener);
    drawing.addEventListener("pointerover", (event) => down.size === 0 && light(part(event.target)));
    drawing.addEventListener("pointerleave", () => light(part(document.activeElement)));
    drawing.addEventListener("focusin", (event) => light(part(event.target)));
    drawing.addEventListener("focusout", () => light());
    drawing.addEventListener("dragstart", (event) => event.preventDefault());
    new ResizeObserver(() => drawing === found && show()).observe(drawing);
  };

  // A live page exchanges the drawing: what had the focus has it again.
  let focused = null;
  let table = false;
  document.addEventListener("htmx:beforeSwap", () => {
    const active = drawing?.contains(document.activeElement) && document.activeElement;
    focused = active ? (part(active)?.getAttribute("href") ?? "") : null;
    table = document.querySelector("#live > details")?.open;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "panel") return;
    down.clear();
    start();
    const again = document.querySelector("#live > details");
    if (again && table) again.open = true;
    if (focused === null) return;
    const same = [...nodes(), ...edges()].find((link) => link.getAttribute("href") === focused);
    (same ?? drawing).focus({ preventScroll: true });
  });

  // On the page's content: before what the document makes of clicks.
  document.querySelector("main").addEventListener("click", (event) => {
    if (!drawing || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const link = event.target.closest?.(".map a, #panel .edges a, #panel .close, #live a.part");
    if (!link) return;
    event.preventDefault();
    if (link.matches(".close")) return close();
    // The click at the end of a drag; one by a key has no number.
    if (link.matches(".map a") && event.detail > 0 && moved > CLICK) return;
    open(link.getAttribute("href"));
  });
  document.addEventListener("keydown", (event) => {
    const writes = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape" && drawing && panel()?.childElementCount && !writes && !event.defaultPrevented) close();
  });
  addEventListener("popstate", () => drawing && details !== about() && open(location.href, true));
  start();
})();
