// Charts, drawn by uPlot from the figures that the server wrote beside them. Where this does not run, the table of each chart is open.
"use strict";
(() => {
  // A page that swaps this in anew has its charts already.
  if (globalThis.charts) return;
  const { axisOf, isLocal, ofBin, stretch, value: text } = globalThis.texts;
  const { axesOf, brush } = globalThis;
  const { alone, filled, stacked } = globalThis.stretches;
  const { colour } = globalThis.marks;
  /** A limit that is so many times what was measured is told, and not drawn: it would leave no room for the lines. */
  const FAR = 4;
  const COLOURS = 10;
  const STYLES = [["solid"], ["dashed", [8, 4]], ["dotted", [2, 3]]];

  // What a chart is made of.

  const made = (name, className, ...content) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...content);
    return element;
  };

  /** The colour of a line that means something, or its own of the palette. */
  const colourOf = (lines, number) => {
    const before = lines.slice(0, number).filter((line) => !line.color).length;
    return `--${lines[number].color ?? `series-${(before % COLOURS) + 1}`}`;
  };
  const styleOf = (lines, number) => {
    if (lines[number].color) return STYLES[1];
    return STYLES[lines.length <= STYLES.length ? number : 0];
  };

  class Chart {
    constructor(figure) {
      this.plot = figure.querySelector(".plot");
      this.legend = made("ul", "series");
      this.when = made("p", "when");
      brush.listen(this);
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
      const dots = (said.examples ?? []).map(({ value }) => value);
      const known = [...heights.flat(), ...dots].filter((value) => value !== null);
      const highest = Math.max(0, ...known);
      this.limits = (said.limits ?? []).filter(({ value }) => value <= highest * FAR);
      this.top = Math.max(highest, ...this.limits.map(({ value }) => value));
      this.bottom = Math.min(0, ...known);
      const [factor, unit] = axisOf(said.unit, this.top, said.currency);
      const shape = JSON.stringify([said.lines.map(({ name }) => name), unit, said.columns, said.durations && [said.from, said.to]]);
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
      const line = (_, index) => {
        const number = said.lines.length - 1 - index;
        const stroke = style(colourOf(said.lines, number));
        const [, dash] = styleOf(said.lines, number);
        const columns = { paths: uPlot.paths.bars({ size: [0.8, 60] }), fill: stroke, width: 0, points: { show: false } };
        const lines = { dash, width: 2, points: { show: false, size: 6, fill: stroke, filter: alone } };
        return { label: said.lines[number].name, stroke, ...(said.columns ? columns : lines) };
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
        scales: { x: { time: !said.durations, range: () => [this.said.from, this.said.to] }, y: { range: height } },
        series: [{}, ...said.lines.map(line)],
        axes: axesOf(this, unit, style, font),
        focus: { alpha: 0.25 },
        cursor: {
          y: false,
          // Windows are drawn by any pointer, in brush.js.
          bind: { mousedown: () => null, mouseup: () => null, dblclick: () => null },
          drag: { x: false, y: false, setScale: false },
          points: said.columns ? { show: false } : { size: 8 },
          dataIdx: (chart, _, __, at) => this.under(at),
          sync: { key: said.durations ? null : `${said.from}-${said.to}`, scales: ["x", null] },
        },
        hooks: { draw: [() => marks.draw(this)], setCursor: [() => this.tell()] },
      };
    }

    /** Writes the legend, in which the values under the cursor stand. */
    list() {
      const { lines } = this.said;
      this.legend.replaceChildren(
        ...lines.map((line, number) => {
          const key = made("span", "key");
          key.style.setProperty("--of", `var(${colourOf(lines, number)})`);
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

    /** What a stretch is called. */
    called(at) {
      if (!this.said.durations) return stretch(this.start(at), this.said.width);
      const edge = (bin) => text("duration", ofBin(bin));
      return `${edge(this.start(at))} to ${edge(this.start(at + 1))}`;
    }

    /** Where a column leads: to its traces, and to why; the table has the links. */
    ways(at) {
      const row = this.said.ways ? this.said.at.indexOf(at) : -1;
      return row < 0 ? [] : [...this.table.querySelectorAll("tbody tr")[row].querySelectorAll("a")];
    }

    /** What there is at a stretch, as a sentence. */
    sentence(at) {
      const { lines } = this.said;
      const values = lines.map(({ name }, number) => `${name} ${this.value(number, at)}`);
      return [this.called(at), ...values, ...this.marked(at)].join(", ");
    }

    /** Shows the values under the cursor. */
    tell() {
      if (!this.drawn) return;
      const { left } = this.drawn.cursor;
      const at = left >= 0 ? this.under(this.drawn.posToVal(left, "x")) : null;
      // What leads on stays, so that the pointer can go there.
      if (at === null && this.said.ways) return;
      [...this.legend.children].forEach((item, number) => {
        item.lastChild.textContent = at === null ? "" : this.value(number, at);
      });
      const told = at === null ? "" : [this.called(at), ...this.marked(at)].join(" · ");
      if (told === this.told) return;
      this.told = told;
      const ways = at === null ? [] : this.ways(at).flatMap((link) => [" · ", link.cloneNode(true)]);
      this.when.replaceChildren(told, ...ways);
    }

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
      brush.selected(this);
      this.drawn.setCursor({ left: -10, top: -10 }, true, true);
      for (const item of this.legend.children) item.lastChild.textContent = "";
      this.when.replaceChildren();
      this.told = undefined;
    }

    get table() {
      return this.figure.querySelector("details");
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
      const wasOpen = known?.table.open ?? false;
      try {
        if (known) known.show(figure);
        else charts.set(title, new Chart(figure));
      } catch (error) {
        // Of a chart that cannot be drawn, the table stays open.
        console.error(error);
        figure.querySelector(".plot").hidden = true;
        continue;
      }
      // It is drawn: its table is there for whoever asks for it.
      const table = figure.querySelector("details");
      table.open = wasOpen;
      // One Tab passes a chart: Enter opens its table.
      table.querySelector("summary").tabIndex = -1;
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
  const retell = () => {
    redraw();
    for (const chart of charts.values()) {
      chart.told = undefined;
      chart.tell();
      chart.announce();
    }
  };

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
