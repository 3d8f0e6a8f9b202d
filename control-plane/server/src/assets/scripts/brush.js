// A window chosen by drawing across a chart. No page needs it.
"use strict";
(() => {
  /** A window is drawn on a chart: `data-from` and `data-to` are Unix seconds at the edges of its `.plot`. */
  const brush = (down) => {
    const plot = down.target.closest("svg[data-from]")?.querySelector(".plot");
    if (!plot || down.button !== 0) return;
    const svg = plot.ownerSVGElement;
    const [x, width] = [plot.x.baseVal.value, plot.width.baseVal.value];
    const at = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return Math.min(Math.max(point.x, x), x + width);
    };
    const begin = at(down);
    const drawn = document.createElementNS(svg.namespaceURI, "rect");
    drawn.setAttribute("class", "brush");
    for (const name of ["y", "height"]) drawn.setAttribute(name, plot.getAttribute(name));
    svg.append(drawn);
    const move = (event) => {
      drawn.setAttribute("x", Math.min(begin, at(event)));
      drawn.setAttribute("width", Math.abs(at(event) - begin));
    };
    const end = (event) => {
      for (const [name, listener] of listeners) document.removeEventListener(name, listener);
      drawn.remove();
      const edges = [begin, at(event)].sort((a, b) => a - b);
      // A click, and no window.
      if (event.type !== "pointerup" || edges[1] - edges[0] < width / 100) return;
      const [from, to] = [Number(svg.dataset.from), Number(svg.dataset.to)];
      const [first, last] = edges.map((edge) => from + ((edge - x) / width) * (to - from));
      const url = new URL(location.href);
      url.searchParams.delete("window");
      const said = (seconds) => new Date(seconds * 1_000).toISOString().replace(".000", "");
      url.searchParams.set("from", said(Math.floor(first)));
      url.searchParams.set("to", said(Math.max(Math.ceil(last), Math.floor(first) + 1)));
      location.assign(url);
    };
    const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
    for (const [name, listener] of listeners) document.addEventListener(name, listener);
    down.preventDefault();
  };

  document.addEventListener("pointerdown", brush);
})();
