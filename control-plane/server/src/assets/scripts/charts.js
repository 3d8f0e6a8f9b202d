// Charts, drawn by uPlot from the figures that the server wrote beside them. Where this does not run, the table of each chart is open.
"use strict";
(() => {
  // A page that swaps this in anew has its charts already.
  if (globalThis.charts) return;
  const { axisOf, clock, isLocal, shortDay, stretch, value: text } = globalThis.texts;
  /** A limit that is so many times what was measured is told, and not drawn: it would leave no room for the lines. */
  const FAR = 4;
  const DAY = 86_400;
  /** What stands left and right of the lines, about, in pixels. */
  const SIDES = 72;
  const COLOURS = 10;
  const STYLES = [["solid"], ["dashed", [8, 4]], ["dotted", [2, 3]]];

  // The window of the page.

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

  // What a chart is made of.

  const made = (name, className, ...content) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...content);
    return element;
  };

  /** The colours that the styles define, as they are now. */
  const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();
  const ofLine = (line, number) => (line.rest ? "--faint" : `--series-${(number % COLOURS) + 1}`);
  const styleOf = (lines, number) => {
    if (lines[number].rest) return STYLES[1];
    return STYLES[lines.length <= STYLES.length ? number : 0];
  };

  /** Stretches in a row, also those of which nothing is known: they are gaps. */
  const filled = ({ from, to, width, first, at, lines }) => {
    const count = at.at(-1) + 1;
    const middle = (number) => Math.min(Math.max(first + (number + 0.5) * width, from), to);
    const values = lines.map((line) => {
      const row = Array(count).fill(null);
      at.forEach((number, index) => (row[number] = line.values[index]));
      return row;
    });
    return { times: Array.from({ length: count }, (_, number) => middle(number)), values };
  };

  /** Each line's values on top of those of the lines before it. */
  const stacked = (values) => {
    const sums = values[0].map(() => 0);
    return values.map((row) => row.map((value, at) => (value === null ? null : (sums[at] += value))));
  };

  /** Where a value stands alone: it is drawn as a dot, as no line leads to it. */
  const alone = (chart, number) => {
    const row = chart.data[number];
    return row.flatMap((value, at) => (value !== null && (row[at - 1] ?? null) === null && (row[at + 1] ?? null) === null ? [at] : []));
  };

  class Chart {
    constructor(figure) {
      this.plot = figure.querySelector(".plot");
      this.legend = made("ul", "series");
      this.when = made("p", "when");
      this.listen();
      this.show(figure);
      this.resized = new ResizeObserver(() => this.drawn.setSize(this.size()));
      this.resized.observe(this.plot);
    }

    /** Draws what the figure says: in place of what was drawn, if there was something. */
    show(figure) {
      const said = JSON.parse(figure.querySelector("script").textContent);
      this.figure = figure;
      this.said = said;
      const place = figure.querySelector(".plot");
      if (place !== this.plot) place.replaceWith(this.plot);
      this.plot.after(this.legend, this.when);
      Object.assign(this, filled(said));
      const heights = said.columns ? stacked(this.values) : this.values;
      const known = heights.flat().filter((value) => value !== null);
      const highest = Math.max(0, ...known);
      this.limits = (said.limits ?? []).filter(({ value }) => value <= highest * FAR);
      this.top = Math.max(highest, ...this.limits.map(({ value }) => value));
      this.bottom = Math.min(0, ...known);
      const [factor, unit] = axisOf(said.unit, this.top, said.currency);
      const shape = JSON.stringify([said.lines.map(({ name }) => name), unit, said.columns]);
      this.factor = factor;
      const scaled = heights.map((row) => row.map((value) => (value === null ? null : value * factor)));
      // What lies on top is drawn last: the first line, or the lowest part of a column.
      const data = [this.times, ...scaled.toReversed()];
      if (this.drawn && shape === this.shape) {
        this.drawn.setData(data);
      } else {
        this.drawn?.destroy();
        this.shape = shape;
        this.drawn = new uPlot(this.options(unit), data, this.plot);
        this.list();
      }
      this.announce();
    }

    size() {
      return { width: Math.max(this.plot.clientWidth, 80), height: Math.max(this.plot.clientHeight, 80) };
    }

    options(unit) {
      const { said } = this;
      const style = (name) => () => colour(this.plot, name);
      const font = `12px ${colour(this.plot, "font-family") || "sans-serif"}`;
      const axis = { stroke: style("--faint"), font, ticks: { stroke: style("--line"), width: 1, size: 4 }, gap: 4 };
      const line = (_, index) => {
        const number = said.lines.length - 1 - index;
        const stroke = style(ofLine(said.lines[number], number));
        const [, dash] = styleOf(said.lines, number);
        const columns = { paths: uPlot.paths.bars({ size: [0.8, 60] }), fill: stroke, width: 0, points: { show: false } };
        const lines = { dash, width: 2, points: { show: false, size: 6, fill: stroke, filter: alone } };
        return { label: said.lines[number].name, stroke, ...(said.columns ? columns : lines) };
      };
      const amount = (value) => (value === 0 ? "0" : `${value < 0 ? "−" : ""}${Number(Math.abs(value).toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 })}${unit}`);
      const amounts = (_, splits) => splits.map(amount);
      const wide = (chart, labels) => {
        if (!labels) return 56;
        chart.ctx.font = font;
        return Math.max(Math.ceil(Math.max(...labels.map((label) => chart.ctx.measureText(label).width))) + 12, 56);
      };
      const height = () => {
        const [low, high] = [this.bottom * this.factor, this.top * this.factor];
        return [low * 1.05, high > 0 ? high * 1.05 : 1];
      };
      return {
        ...this.size(),
        padding: [12, 18, 0, 0],
        legend: { show: false },
        tzDate: (at) => (isLocal() ? new Date(at * 1_000) : uPlot.tzDate(new Date(at * 1_000), "Etc/UTC")),
        scales: { x: { range: () => [this.said.from, this.said.to] }, y: { range: height } },
        series: [{}, ...said.lines.map(line)],
        axes: [
          { ...axis, values: (_, splits, __, ___, step) => this.labels(splits, step), ...(said.columns && said.width >= DAY && { splits: (...asked) => this.middles(asked[5]) }), space: 64, size: 40, grid: { show: false } },
          { ...axis, values: amounts, size: wide, grid: { stroke: style("--line"), width: 1 } },
        ],
        focus: { alpha: 0.25 },
        cursor: {
          y: false,
          // Windows are drawn by any pointer, below.
          bind: { mousedown: () => null, mouseup: () => null, dblclick: () => null },
          drag: { x: false, y: false, setScale: false },
          points: { show: !said.columns, size: 8 },
          dataIdx: (chart, _, __, at) => this.under(at),
          sync: { key: `${said.from}-${said.to}`, scales: ["x", null] },
        },
        hooks: { draw: [() => this.mark()], setCursor: [() => this.tell()] },
      };
    }

    /** How many pixels a length of time is wide. */
    wide(seconds) {
      return (seconds / (this.said.to - this.said.from)) * (this.plot.clientWidth - SIDES);
    }

    /** Labels of the axis: hour and minute, and below the first of a day its date. */
    labels(splits, step) {
      let before = "";
      return splits.map((at) => {
        // What would be cut off at the edge is left out.
        if (this.wide(this.said.to - at) < 4) return null;
        const { day, minute, second } = clock(at);
        if (step >= DAY) return shortDay(day);
        const label = step < 60 ? second : minute;
        const dated = day === before ? label : `${label}\n${shortDay(day)}`;
        before = day;
        return dated;
      });
    }

    /** Where dates stand: below the middle of a day's column. */
    middles(space) {
      const { from, to, width } = this.said;
      const every = Math.ceil(space / this.wide(width)) * width;
      const count = Math.floor((this.times.at(-1) - from) / every) + 1;
      return Array.from({ length: count }, (_, number) => this.times.at(-1) - number * every).reverse();
    }

    /** Draws limits and the moments that are marked. */
    mark() {
      const { ctx, bbox } = this.drawn ?? {};
      if (!ctx) return;
      const ratio = devicePixelRatio;
      const across = (from, to, dash, stroke) => {
        ctx.strokeStyle = stroke;
        ctx.lineWidth = ratio;
        ctx.setLineDash(dash.map((length) => length * ratio));
        ctx.beginPath();
        ctx.moveTo(...from);
        ctx.lineTo(...to);
        ctx.stroke();
      };
      ctx.save();
      let above = Infinity;
      for (const { name, value } of this.limits) {
        const y = this.drawn.valToPos(value * this.factor, "y", true);
        const stroke = colour(this.plot, "--fault");
        across([bbox.left, y], [bbox.left + bbox.width, y], [6, 4], stroke);
        ctx.font = `${11 * ratio}px ${colour(this.plot, "font-family")}`;
        ctx.fillStyle = stroke;
        ctx.textAlign = "right";
        // Above its line, unless that is the upper edge.
        ctx.textBaseline = y - bbox.top > 16 * ratio ? "bottom" : "top";
        if (Math.abs(above - y) < 14 * ratio) continue;
        above = y;
        ctx.setLineDash([]);
        ctx.strokeStyle = colour(this.plot, "--card");
        ctx.lineWidth = 4 * ratio;
        ctx.strokeText(name, bbox.left + bbox.width - 4 * ratio, y + (ctx.textBaseline === "top" ? 3 : -3) * ratio);
        ctx.fillText(name, bbox.left + bbox.width - 4 * ratio, y + (ctx.textBaseline === "top" ? 3 : -3) * ratio);
      }
      for (const { at } of this.said.marks ?? []) {
        const x = this.drawn.valToPos(at, "x", true);
        const stroke = colour(this.plot, "--text");
        across([x, bbox.top], [x, bbox.top + bbox.height], [2, 3], stroke);
        ctx.setLineDash([]);
        ctx.fillStyle = stroke;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x - 5 * ratio, bbox.top - 9 * ratio);
        ctx.lineTo(x + 5 * ratio, bbox.top - 9 * ratio);
        ctx.fill();
      }
      ctx.restore();
    }

    /** Writes the legend, in which the values under the cursor stand. */
    list() {
      const { lines } = this.said;
      this.legend.replaceChildren(
        ...lines.map((line, number) => {
          const key = made("span", "key");
          key.style.setProperty("--of", `var(${ofLine(line, number)})`);
          key.style.borderTopStyle = this.said.columns ? "solid" : styleOf(lines, number)[0];
          const item = made("li", "", key, made("span", "name", line.name), made("span", "value"));
          if (lines.length > 1) {
            item.addEventListener("pointerenter", () => this.drawn.setSeries(lines.length - number, { focus: true }));
            item.addEventListener("pointerleave", () => this.drawn.setSeries(null, { focus: true }));
          }
          return item;
        }),
      );
    }

    /** The start of a stretch. */
    start(at) {
      return this.said.first + at * this.said.width;
    }

    /** The stretch that a moment lies in; none where nothing is known of it. */
    under(moment) {
      const at = Math.floor((moment - this.said.first) / this.said.width);
      return at >= 0 && at < this.times.length ? at : null;
    }

    /** What is marked in a stretch. */
    marked(at) {
      const [from, to] = [this.start(at), this.start(at + 1)];
      return (this.said.marks ?? []).filter((mark) => from <= mark.at && mark.at < to).map(({ name }) => name);
    }

    value(number, at) {
      return text(this.said.unit, this.values[number][at], this.said.currency);
    }

    /** What there is at a stretch, as a sentence. */
    sentence(at) {
      const { lines } = this.said;
      const values = lines.map(({ name }, number) => `${name} ${this.value(number, at)}`);
      return [stretch(this.start(at), this.said.width), ...values, ...this.marked(at)].join(", ");
    }

    /** Shows the values under the cursor. */
    tell() {
      if (!this.drawn) return;
      const { left } = this.drawn.cursor;
      const at = left >= 0 ? this.under(this.drawn.posToVal(left, "x")) : null;
      const isShown = at !== null;
      [...this.legend.children].forEach((item, number) => {
        item.lastChild.textContent = isShown ? this.value(number, at) : "";
      });
      this.when.textContent = isShown ? [stretch(this.start(at), this.said.width), ...this.marked(at)].join(" · ") : "";
    }

    // The keyboard: a chart is one thing to stop at, along which one goes.

    /** Says what it is, and the values where the reader is, or the latest. */
    announce() {
      const last = this.times.length - 1;
      const at = Math.min(this.at ?? last, last);
      const told = {
        tabindex: 0, role: "slider", "aria-roledescription": "chart", "aria-label": this.said.about,
        "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": at, "aria-valuetext": this.sentence(at),
      };
      for (const [name, value] of Object.entries(told)) this.plot.setAttribute(name, value);
    }

    /** Puts the cursors of all charts of this time at a stretch. */
    go(at) {
      this.at = at;
      this.announce();
      this.drawn.setCursor({ left: this.drawn.valToPos(this.times[at], "x"), top: 1 }, true, true);
    }

    leave() {
      this.at = this.anchor = undefined;
      this.selected();
      this.drawn.setCursor({ left: -10, top: -10 }, true, true);
    }

    /** Shows which time is chosen, from one place to another; none without them. */
    selected(left = 0, right = 0) {
      const height = left === right ? 0 : this.drawn.over.clientHeight;
      this.drawn.setSelect({ left: Math.min(left, right), width: Math.abs(right - left), top: 0, height }, false);
    }

    press(event) {
      const last = this.times.length - 1;
      const at = this.at ?? last;
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -last, End: last };
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key in steps) {
        // Shift and an arrow choose a time, from where one was.
        this.anchor = event.shiftKey ? (this.anchor ?? at) : undefined;
        this.go(Math.min(Math.max(at + steps[event.key], 0), last));
        const edge = (number) => this.drawn.valToPos(Math.min(Math.max(number, this.said.from), this.said.to), "x");
        if (this.anchor === undefined) this.selected();
        else this.selected(...this.chosen().map(edge));
      } else if (event.key === "Enter" && this.anchor !== undefined) {
        choose(...this.chosen());
      } else if (event.key === "Enter") {
        this.table.open = !this.table.open;
      } else if (event.key === "Escape") {
        this.leave();
      } else {
        return;
      }
      event.preventDefault();
    }

    /** From where to where a time is chosen. */
    chosen() {
      const [first, last] = [this.anchor, this.at].sort((a, b) => a - b);
      return [Math.max(this.start(first), this.said.from), Math.min(this.start(last + 1), this.said.to)];
    }

    get table() {
      return this.figure.querySelector("details");
    }

    listen() {
      this.plot.addEventListener("keydown", (event) => this.press(event));
      this.plot.addEventListener("focus", () => this.plot.matches(":focus-visible") && this.go(this.at ?? this.times.length - 1));
      this.plot.addEventListener("blur", () => this.leave());
      this.plot.addEventListener("pointerdown", (event) => this.brush(event));
    }

    /** A window is drawn across the chart. */
    brush(down) {
      const { over } = this.drawn;
      if (down.button !== 0 || !over.contains(down.target)) return;
      const box = over.getBoundingClientRect();
      const at = (event) => Math.min(Math.max(event.clientX - box.left, 0), box.width);
      const begin = at(down);
      over.setPointerCapture(down.pointerId);
      const move = (event) => {
        this.selected(begin, at(event));
        // A finger has no other way to move the cursor.
        if (event.pointerType !== "mouse") this.drawn.setCursor({ left: at(event), top: 1 }, true, true);
      };
      const end = (event) => {
        for (const [name, listener] of listeners) over.removeEventListener(name, listener);
        const edges = [begin, at(event)].sort((a, b) => a - b);
        this.selected();
        // A click, and no window.
        if (event.type !== "pointerup" || edges[1] - edges[0] < box.width / 100) return;
        choose(...edges.map((edge) => this.drawn.posToVal(edge, "x")));
      };
      const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
      for (const [name, listener] of listeners) over.addEventListener(name, listener);
    }
  }

  // All charts of the page, by their titles.

  const charts = new Map();
  /** Where the keyboard was, while a page is swapped. */
  let focused;

  const start = () => {
    for (const figure of document.querySelectorAll("figure.chart")) {
      if (!figure.querySelector(".plot")) continue;
      const title = figure.querySelector("figcaption strong").textContent;
      const known = charts.get(title);
      if (known?.figure === figure) continue;
      // The script is here: the table is there for who asks for it.
      const table = figure.querySelector("details");
      table.open = known?.table.open ?? false;
      // One Tab passes a chart: Enter opens its table.
      table.querySelector("summary").tabIndex = -1;
      if (known) known.show(figure);
      else charts.set(title, new Chart(figure));
    }
    for (const [title, chart] of charts) {
      if (chart.figure.isConnected) continue;
      chart.resized.disconnect();
      chart.drawn.destroy();
      charts.delete(title);
    }
    if (focused?.chart.plot.isConnected) {
      const { chart, moment } = focused;
      chart.plot.focus({ preventScroll: true });
      chart.go(chart.under(moment) ?? chart.times.length - 1);
    }
    focused = undefined;
  };

  const redraw = () => charts.forEach((chart) => chart.drawn.redraw(true, true));
  const retell = () => charts.forEach((chart) => (redraw(), chart.tell(), chart.announce()));

  document.addEventListener("times:shown", retell);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", redraw);
  document.addEventListener("htmx:beforeSwap", () => {
    const chart = [...charts.values()].find(({ plot }) => plot === document.activeElement);
    focused = chart && { chart, moment: chart.start(chart.at ?? chart.times.length - 1) };
  });
  document.addEventListener("htmx:afterSwap", start);
  globalThis.charts = { start };
  start();
})();
