// The waterfall of a trace: all spans in one list that folds, of which only the rows in sight are drawn, and the panel of the chosen one. Without it the
// server's pages of rows and links do. What is drawn comes by column from /api/traces/{id}/rows; a row is a copy of the one that the server wrote.
"use strict";
(() => {
  const view = document.getElementById("waterfall");
  if (!view) return;
  const find = (selector) => view.querySelector(selector);
  const [tree, heads, axis, panel, told, template, form] = [".tree", ".heads", ".axis", ".span-panel", ".told", "template", ".within"].map(find);
  const SVG = "http://www.w3.org/2000/svg";
  /** Rows that are drawn beyond each edge, so that scrolling meets no gap. */
  const BEYOND = 8;
  /** Deeper than this, depth says nothing and takes all the room; pixels for each step. As the server has it. */
  const [DEEPEST, STEP] = [20, 14];

  const duration = (ns) => texts.value("duration", ns);
  const number = (count) => texts.value("count", count);

  /** Asks for one thing after the other: whoever asked before gets nothing, whatever comes. Without an address nothing is asked for. */
  const asker = () => {
    let asking = new AbortController();
    return async (url) => {
      asking.abort();
      const { signal } = (asking = new AbortController());
      const answer = { ok: false, text: "" };
      try {
        const response = url && (await fetch(url, { signal }));
        if (response) Object.assign(answer, { ok: response.ok, text: await response.text() });
      } catch {
        // No answer is one that is not ok.
      }
      return signal.aborted ? undefined : answer;
    };
  };

  /** An object of JSON; an empty one where it is something else. */
  const read = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  };

  const shape = (svg, name, attributes) => {
    const element = svg.appendChild(document.createElementNS(SVG, name));
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const start = (data) => {
    const count = data.depths.length;
    const { depths, starts, durations, critical_path: path } = data;
    const id = (row) => data.ids.slice(row * 16, row * 16 + 16);

    // The tree: of each row its parent, and the row after the last one below it.
    const [parents, ends] = [new Int32Array(count).fill(-1), new Int32Array(count)];
    const open = [];
    for (let row = 0; row < count; row++) {
      while (open.length && depths[open.at(-1)] >= depths[row]) ends[open.pop()] = row;
      parents[row] = open.at(-1) ?? -1;
      open.push(row);
    }
    while (open.length) ends[open.pop()] = count;
    const isParent = (row) => ends[row] > row + 1;

    const errors = new Map(data.errors.rows.map((row, n) => [row, data.texts[data.errors.texts[n]]]));
    const failedBefore = new Int32Array(count + 1);
    for (let row = 0; row < count; row++) failedBefore[row + 1] = failedBefore[row] + errors.has(row);
    const events = new Map();
    data.events.rows.forEach((row, n) => {
      if (!events.has(row)) events.set(row, []);
      events.get(row).push({ at: data.events.at[n], name: data.texts[data.events.names[n]] });
    });
    const orphans = new Set(data.without_parent);
    const rows = new Map();
    for (let row = 0; row < count; row++) rows.set(id(row), row);

    // What the reader does with it.
    const folded = new Uint8Array(count);
    let [shown, places] = [[], new Int32Array(count)];
    let [active, chosen, matches, matched] = [0, -1, [], 0];
    let version = 0;

    // Elements.
    const body = document.createElement("div");
    body.className = "rows";
    body.setAttribute("role", "rowgroup");
    const line = document.createElementNS(SVG, "svg");
    line.setAttribute("class", "critical");
    line.setAttribute("aria-hidden", "true");
    const [steps, idle, held] = ["steps", "idle", "held"].map((name) => shape(line, "path", { class: name }));
    body.append(line);
    find("ol").replaceWith(body);
    for (const listed of view.querySelectorAll(".pages, .found")) listed.remove();
    view.classList.add("scripted");
    for (const [name, value] of Object.entries({ role: "treegrid", tabindex: 0, "aria-label": "Spans" })) tree.setAttribute(name, value);
    heads.setAttribute("role", "row");
    for (const head of heads.children) head.setAttribute("role", "columnheader");
    axis.removeAttribute("aria-hidden");
    axis.setAttribute("aria-label", "Time");
    const drawn = new Map();
    const spare = [];
    const size = { row: 28, middle: 14, left: 0, width: 1 };

    /** Lists the rows that no fold hides; of those that one hides, the place is that of the fold. */
    const list = () => {
      shown = [];
      for (let row = 0; row < count; ) {
        places[row] = shown.length;
        shown.push(row);
        const next = folded[row] ? ends[row] : row + 1;
        places.fill(places[row], row + 1, next);
        row = next;
      }
      if (shown[places[active]] !== active) active = shown[places[active]];
      tree.setAttribute("aria-rowcount", shown.length + 1);
      body.style.height = `${shown.length * size.row}px`;
      again();
    };

    const text = (element, part, value) => (element.querySelector(part).textContent = value);
    const percent = (time) => `${(looked.share(time) * 100).toFixed(3)}%`;

    const bar = (svg, row) => {
      svg.replaceChildren();
      const [from, to] = [starts[row], starts[row] + durations[row]];
      const [x, end] = [percent(from), percent(to)];
      if (to >= looked.from && from <= looked.to) {
        shape(svg, "rect", { class: "span", x, width: `${(parseFloat(end) - parseFloat(x)).toFixed(3)}%`, y: 4, height: 12, rx: 2 });
      }
      for (const { at, name } of events.get(row) ?? []) {
        if (at < looked.from || at > looked.to) continue;
        const mark = shape(svg, "circle", { class: name === "exception" ? "event failed" : "event", cx: percent(at), cy: 10, r: 3 });
        shape(mark, "title", {}).textContent = `${name}, ${at < 0 ? `${duration(-at)} before the start` : `after ${duration(at)}`}`;
      }
    };

    /** Writes what a row says into its element. */
    const fill = (element, row) => {
      const sender = data.senders[data.sent_by[row]];
      const error = errors.get(row);
      const below = ends[row] - row - 1;
      element.id = `span-${id(row)}`;
      element.dataset.row = row;
      element.className = "row";
      element.classList.toggle("fault", error !== undefined);
      element.classList.toggle("active", row === active);
      element.classList.toggle("chosen", row === chosen);
      element.classList.toggle("match", matches.includes(row));
      const states = { level: depths[row] + 1, rowindex: places[row] + 2, selected: row === chosen, expanded: isParent(row) ? !folded[row] : null };
      for (const [name, value] of Object.entries(states)) {
        if (value === null) element.removeAttribute(`aria-${name}`);
        else element.setAttribute(`aria-${name}`, value);
      }
      element.querySelector(".indent").setAttribute("width", Math.min(depths[row], DEEPEST) * STEP);
      const failed = failedBefore[ends[row]] - failedBefore[row + 1];
      text(element, ".fold", !isParent(row) ? "" : folded[row] ? `▸ ${below}${failed ? " ✘" : ""}` : "▾");
      const name = element.querySelector(".name");
      name.textContent = data.texts[data.names[row]];
      name.title = name.textContent;
      name.href = href(row);
      text(element, ".kind", data.texts[data.kinds[row]]);
      text(element, ".orphan", orphans.has(row) ? "parent not received" : "");
      text(element, ".what", error === undefined ? "" : `✘ ${error}`);
      const tenant = data.tenants[row];
      text(element, ".sender", [sender.service, sender.account_name ?? sender.account, data.texts[tenant]].filter(Boolean).join(" · "));
      element.querySelector(".swatch").setAttribute("class", `swatch s${sender.colour}`);
      element.querySelector(".bar").setAttribute("class", `bar s${sender.colour}`);
      bar(element.querySelector(".bar"), row);
      text(element, ".took", duration(durations[row]));
      element.style.transform = `translateY(${places[row] * size.row}px)`;
      element.version = version;
    };

    const element = () => {
      const made = spare.pop() ?? template.content.firstElementChild.cloneNode(true);
      made.setAttribute("role", "row");
      for (const cell of made.children) cell.setAttribute("role", "gridcell");
      // The list is one stop of the Tab key; within it arrows move.
      made.querySelector(".name").tabIndex = -1;
      return body.appendChild(made);
    };

    /** The critical path through the rows in sight: along the bar of the span that was waited for, and from there to the next. */
    const critical = (first, last) => {
      const [low, high] = [first - 1, last + 1];
      const x = (time) => looked.share(time) * size.width;
      const y = (place) => (Math.min(Math.max(place, low), high) - first) * size.row + size.middle;
      // What lies within a pixel is drawn once: a span may have thousands of stretches.
      const [along, across, between] = [new Map(), new Map(), []];
      const straight = [];
      for (let n = 0; n < path.rows.length; n++) {
        const place = places[path.rows[n]];
        const [from, to] = [x(path.from[n]), x(path.to[n])];
        if (place >= low && place <= high && path.to[n] >= looked.from && path.from[n] <= looked.to) {
          const before = along.get(place);
          if (before && from - before[1] < 1) before[1] = Math.max(before[1], to);
          else straight.push([place, along.set(place, [from, to]).get(place)]);
        }
        if (n + 1 === path.rows.length) break;
        const [next, begin] = [places[path.rows[n + 1]], x(path.from[n + 1])];
        if (path.to[n] > looked.to || path.from[n + 1] < looked.from) continue;
        if (begin - to >= 1 && place >= low && place <= high) between.push(`M${to.toFixed(1)} ${y(place)}H${begin.toFixed(1)}`);
        const [top, bottom] = [Math.min(place, next), Math.max(place, next)];
        if (top === bottom || bottom < low || top > high) continue;
        const seen = across.get(Math.round(begin));
        across.set(Math.round(begin), seen ? [Math.min(seen[0], y(top)), Math.max(seen[1], y(bottom))] : [y(top), y(bottom)]);
      }
      const lines = straight.map(([place, [from, to]]) => `M${from.toFixed(1)} ${y(place)}H${Math.max(to, from + 1).toFixed(1)}`);
      steps.setAttribute("d", [...across].map(([at, [top, bottom]]) => `M${at} ${top}V${bottom}`).join(""));
      held.setAttribute("d", lines.join(""));
      idle.setAttribute("d", between.join(""));
      line.style.transform = `translate(${size.left}px, ${first * size.row}px)`;
      line.setAttribute("width", size.width);
      line.setAttribute("height", (last - first + 1) * size.row);
    };

    const draw = () => {
      asked = false;
      const first = Math.max(Math.floor(tree.scrollTop / size.row) - BEYOND, 0);
      const last = Math.min(Math.ceil((tree.scrollTop + tree.clientHeight) / size.row) + BEYOND, shown.length) - 1;
      const wanted = new Set(shown.slice(first, last + 1));
      // What a screen reader is at must be there, wherever the list was scrolled to.
      wanted.add(active);
      for (const [row, old] of drawn) {
        if (wanted.has(row)) continue;
        drawn.delete(row);
        spare.push(old);
        old.remove();
      }
      for (const row of wanted) {
        if (!drawn.has(row)) drawn.set(row, element()).get(row).version = -1;
        if (drawn.get(row).version !== version) fill(drawn.get(row), row);
      }
      tree.setAttribute("aria-activedescendant", `span-${id(active)}`);
      critical(first, last);
    };
    let asked = false;
    const soon = () => {
      if (!asked) requestAnimationFrame(draw);
      asked = true;
    };
    const again = () => {
      version++;
      soon();
    };

    /** Heights, and where the time axis lies: they depend on the window and its fonts. */
    const measure = () => {
      draw();
      const row = drawn.get(active);
      const [own, bar, all] = [row, row.querySelector(".bar"), body].map((element) => element.getBoundingClientRect());
      Object.assign(size, { row: row.offsetHeight, middle: bar.top - own.top + bar.height / 2, left: bar.left - all.left, width: bar.width });
      body.style.height = `${shown.length * size.row}px`;
      looked.draw();
      again();
    };

    const looked = zoom.of(view, data, again);

    /** Makes a row the one that keys are about, and brings it into sight. */
    const go = (row) => {
      active = row;
      const [top, room] = [places[row] * size.row, tree.clientHeight - heads.offsetHeight];
      if (top < tree.scrollTop) tree.scrollTop = top;
      else if (top + size.row > tree.scrollTop + room) tree.scrollTop = top + size.row - room;
      again();
    };
    /** The same of a row that may be within a fold. */
    const reveal = (row) => {
      for (let above = parents[row]; above >= 0; above = parents[above]) folded[above] = 0;
      list();
      go(row);
    };
    const fold = (row, is) => {
      folded[row] = is ? 1 : 0;
      list();
    };
    const foldFrom = (depth) => {
      for (let row = 0; row < count; row++) folded[row] = isParent(row) && depths[row] >= depth ? 1 : 0;
      list();
      go(active);
    };

    const address = new URL(view.dataset.page, location.href);
    /** The address of the page with what is chosen and looked for, so that it can be sent to somebody. */
    const href = (row) => {
      const url = new URL(address);
      if (row >= 0) url.searchParams.set("span", id(row));
      return url.pathname + url.search;
    };
    const shows = (row) => panel.firstElementChild?.dataset.shows === id(row);
    const carried = asker();
    /** Opens the panel of a row's span. */
    const choose = async (row, focus) => {
      chosen = row;
      history.replaceState(null, "", href(row));
      panel.hidden = false;
      again();
      if (!shows(row)) {
        panel.setAttribute("aria-busy", "true");
        const answer = await carried(view.dataset.panel.replace("SPAN", id(row)));
        // Another one was chosen meanwhile.
        if (!answer || chosen !== row) return;
        panel.innerHTML = answer.ok ? answer.text : "";
        if (!shows(row)) panel.innerHTML = `<p>What this span carries cannot be read at the moment.</p><a class="close" href="">Close</a>`;
        panel.dispatchEvent(new Event("htmx:afterSwap", { bubbles: true }));
        panel.scrollTop = 0;
      }
      panel.removeAttribute("aria-busy");
      const narrow = panel.querySelector(".narrow");
      if (narrow) narrow.hidden = false;
      if (focus) panel.focus();
    };
    const close = () => {
      chosen = -1;
      panel.hidden = true;
      history.replaceState(null, "", href(-1));
      tree.focus({ preventScroll: true });
      again();
    };
    /** Steps to the next or previous of the spans that were found. */
    const step = (by, from = active) => {
      if (!matches.length) return;
      const next = by > 0 ? matches.find((row) => row > from) : matches.findLast((row) => row < from);
      const row = next ?? matches.at(by > 0 ? 0 : -1);
      reveal(row);
      const first = matched > matches.length ? `; the first ${number(matches.length)} are stepped through` : "";
      told.textContent = `${number(matches.indexOf(row) + 1)} of ${number(matched)} spans found${first}.`;
    };
    const found = asker();
    const search = async () => {
      const wanted = form.elements.find.value.trim();
      if (wanted) address.searchParams.set("find", wanted);
      else address.searchParams.delete("find");
      history.replaceState(null, "", href(chosen));
      told.textContent = wanted && "Searching …";
      const answer = await found(wanted && `${view.dataset.spans}?${new URLSearchParams({ find: wanted })}`);
      // Something else is looked for by now.
      if (!answer) return;
      const { span_ids = [], detail = "Spans cannot be searched at the moment.", ...all } = read(answer.text);
      [matches, matched] = [span_ids.map((id) => rows.get(id)).filter((row) => row !== undefined), all.matched ?? 0];
      find(".matches").hidden = !matches.length;
      told.textContent = !wanted ? "" : answer.ok ? "No span was found." : detail;
      again();
      step(1, active - 1);
    };

    const shift = (by) => go(shown[Math.min(Math.max(places[active] + by, 0), shown.length - 1)]);
    const aPage = () => Math.max(Math.floor((tree.clientHeight - heads.offsetHeight) / size.row) - 1, 1);
    const keys = {
      ArrowDown: () => shift(1),
      ArrowUp: () => shift(-1),
      PageDown: () => shift(aPage()),
      PageUp: () => shift(-aPage()),
      Home: () => go(shown[0]),
      End: () => go(shown.at(-1)),
      ArrowRight: () => (folded[active] ? fold(active, false) : isParent(active) && shift(1)),
      ArrowLeft: () => (isParent(active) && !folded[active] ? fold(active, true) : parents[active] >= 0 && go(parents[active])),
      Enter: () => choose(active, true),
      Escape: () => chosen >= 0 && close(),
      "+": () => looked.closer(2),
      "=": () => looked.closer(2),
      "-": () => looked.closer(0.5),
      0: () => looked.all(),
      z: () => looked.at(active),
    };
    tree.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    tree.addEventListener("scroll", soon, { passive: true });
    tree.addEventListener("click", (event) => {
      const row = Number(event.target.closest(".row")?.dataset.row ?? -1);
      if (row < 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      active = row;
      if (event.target.closest(".fold") && isParent(row)) fold(row, !folded[row]);
      else choose(row, false);
      tree.focus({ preventScroll: true });
    });
    panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
    panel.addEventListener("input", ({ target }) => {
      if (!target.matches(".narrow")) return;
      const wanted = target.value.trim().toLowerCase();
      for (const row of panel.querySelectorAll(".attributes tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    view.parentElement.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const row = rows.get(link.dataset.span);
      if (link.matches(".span-panel .close")) close();
      else if (row === undefined) return;
      else {
        reveal(row);
        // The link goes with what the panel shows now.
        choose(row, panel.contains(document.activeElement));
        view.scrollIntoView({ block: "nearest" });
      }
      event.preventDefault();
    });

    const actions = {
      fold: () => foldFrom(0),
      unfold: () => foldFrom(Infinity),
      in: () => looked.closer(2),
      out: () => looked.closer(0.5),
      earlier: () => looked.aside(-0.5),
      later: () => looked.aside(0.5),
      all: () => looked.all(),
      next: () => step(1),
      previous: () => step(-1),
    };
    view.addEventListener("click", ({ target }) => actions[target.closest("button")?.dataset.do]?.());
    const depth = find("select[data-do=depth]");
    for (let n = 1; n <= Math.min(depths.reduce((most, one) => Math.max(most, one), 0), 12); n++) depth.add(new Option(n));
    depth.addEventListener("change", () => foldFrom(Number(depth.value || Infinity)));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      search();
    });

    find(".actions").hidden = false;
    list();
    looked.all();
    measure();
    new ResizeObserver(measure).observe(tree);
    const given = rows.get(panel.firstElementChild?.dataset.shows ?? location.hash.replace("#span-", ""));
    if (given !== undefined) {
      reveal(given);
      choose(given, false);
    }
    if (form.elements.find.value) search();
    view.dataset.ready = "";
  };

  const load = async () => {
    const answer = await fetch(view.dataset.rows);
    if (!answer.ok) throw new Error(`${answer.status}`);
    start(await answer.json());
  };
  // The list that the server wrote stays.
  load().catch((error) => (told.textContent = `Folding and zooming are not to be had: ${error.message}.`));
})();
