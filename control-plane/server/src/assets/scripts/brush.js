// Going along a chart and choosing a window on it, by pointer and by keyboard: a chart is one thing to stop at, along which one goes.
"use strict";
(() => {
  /** Goes to the same page over this time, in Unix seconds. */
  const choose = (first, last) => {
    const url = new URL(location.href);
    url.searchParams.delete("window");
    const said = (seconds) => new Date(seconds * 1_000).toISOString().replace(".000", "");
    const from = Math.floor(first);
    url.searchParams.set("from", said(from));
    url.searchParams.set("to", said(Math.max(Math.ceil(last), from + 1)));
    location.assign(url);
  };

  /** Shows which time is chosen, from one place to another; none without them. */
  const selected = (chart, left = 0, right = 0) => {
    const height = left === right ? 0 : chart.drawn.over.clientHeight;
    chart.drawn.setSelect({ left: Math.min(left, right), width: Math.abs(right - left), top: 0, height }, false);
  };

  const press = (chart, event) => {
    const last = chart.times.length - 1;
    const at = chart.at ?? last;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -last, End: last };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps) {
      // Shift and an arrow choose a time, from where one was.
      chart.anchor = event.shiftKey && !chart.said.durations ? (chart.anchor ?? at) : undefined;
      chart.go(Math.min(Math.max(at + steps[event.key], 0), last));
      const edge = (number) => chart.drawn.valToPos(Math.min(Math.max(number, chart.said.from), chart.said.to), "x");
      if (chart.anchor === undefined) selected(chart);
      else selected(chart, ...chosen(chart).map(edge));
    } else if (event.key === "Enter" && chart.anchor !== undefined) {
      choose(...chosen(chart));
    } else if (event.key === "Enter" && chart.said.ways) {
      follow(chart, at);
    } else if (event.key === "Enter" || event.key === " ") {
      chart.table.open = !chart.table.open;
    } else if (event.key === "Escape") {
      chart.leave();
    } else {
      return;
    }
    event.preventDefault();
  };

  /** Goes to the traces of a column. */
  const follow = (chart, at) => {
    const [traces] = at === null ? [] : chart.ways(at);
    if (traces) location.assign(traces.href);
  };

  /** From where to where a time is chosen. */
  const chosen = (chart) => {
    const [first, last] = [chart.anchor, chart.at].sort((a, b) => a - b);
    return [Math.max(chart.start(first), chart.said.from), Math.min(chart.start(last + 1), chart.said.to)];
  };

  const listen = (chart) => {
    chart.plot.addEventListener("keydown", (event) => press(chart, event));
    chart.plot.addEventListener("focus", () => chart.plot.matches(":focus-visible") && chart.go(chart.at ?? chart.times.length - 1));
    chart.plot.addEventListener("blur", ({ relatedTarget }) => chart.when.contains(relatedTarget) || chart.leave());
    chart.plot.addEventListener("pointerdown", (event) => brush(chart, event));
  };

  /** A window is drawn across the chart. */
  const brush = (chart, down) => {
    const { over } = chart.drawn;
    if (down.button !== 0 || !over.contains(down.target)) return;
    const box = over.getBoundingClientRect();
    const at = (event) => Math.min(Math.max(event.clientX - box.left, 0), box.width);
    const begin = at(down);
    over.setPointerCapture(down.pointerId);
    const move = (event) => {
      if (!chart.said.durations) selected(chart, begin, at(event));
      // A finger has no other way to move the cursor.
      if (event.pointerType !== "mouse") chart.drawn.setCursor({ left: at(event), top: 1 }, true, true);
    };
    const end = (event) => {
      for (const [name, listener] of listeners) over.removeEventListener(name, listener);
      const edges = [begin, at(event)].sort((a, b) => a - b);
      selected(chart);
      if (event.type !== "pointerup") return;
      const isClick = edges[1] - edges[0] < box.width / 100;
      // A finger's first touch shows where a column leads.
      if (isClick && event.pointerType === "mouse" && chart.said.ways) follow(chart, chart.under(chart.drawn.posToVal(begin, "x")));
      if (!isClick && !chart.said.durations) choose(...edges.map((edge) => chart.drawn.posToVal(edge, "x")));
    };
    const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
    for (const [name, listener] of listeners) over.addEventListener(name, listener);
  };

  globalThis.brush = { listen, selected };
})();
