// The waterfall of a trace: all spans in one list that folds, of which only the rows in sight are drawn, and the panel of the chosen one. Without it the
// server's pages of rows and links do. What is drawn comes by column from /api/traces/{id}/rows.
"use strict";
(() => {
  const view = document.getElementById("waterfall");
  if (!view) return;
  const find = (selector) => view.querySelector(selector);
  const [tree, heads, axis, told] = [".tree", ".heads", ".axis", ".told"].map(find);
  /** Rows that are drawn beyond each edge, so that scrolling meets no gap. */
  const BEYOND = 8;

  const start = (data) => {
    const spans = spanTree.of(data);
    const { count, id, parents, ends, rows, isParent } = spans;
    const { depths } = data;

    // What the reader does with it.
    const folded = new Uint8Array(count);
    let [shown, places] = [[], new Int32Array(count)];
    let [active, chosen, version] = [0, -1, 0];

    // Elements.
    const body = document.createElement("div");
    body.className = "rows";
    body.setAttribute("role", "rowgroup");
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
        if (!drawn.has(row)) drawn.set(row, body.appendChild(spare.pop() ?? writer.made())).get(row).version = -1;
        const element = drawn.get(row);
        if (element.version === version) continue;
        const is = { isFolded: folded[row], isActive: row === active, isChosen: row === chosen, isMatch: search.isMatch(row) };
        writer.fill(element, row, { place: places[row], href: href(row), ...is });
        element.style.transform = `translateY(${places[row] * size.row}px)`;
        element.version = version;
      }
      tree.setAttribute("aria-activedescendant", `span-${id(active)}`);
      path.draw(places, first, last);
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
    const writer = spanRow.of(find("template"), data, spans, looked);
    const path = criticalPath.of(body, data.critical_path, looked, size);

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
    const keep = (wanted) => {
      if (wanted) address.searchParams.set("find", wanted);
      else address.searchParams.delete("find");
      history.replaceState(null, "", href(chosen));
    };
    const search = findSpans.of(view, rows, { active: () => active, draw: again, keep, reveal });

    const panel = find(".span-panel");
    const carried = spanPanel.of(panel, view.dataset.panel);
    const pick = (row) => {
      chosen = row;
      history.replaceState(null, "", href(row));
      again();
    };
    /** Opens the panel of a row's span. */
    const choose = (row, focus) => {
      pick(row);
      carried.show(id(row), focus);
    };
    const close = () => {
      pick(-1);
      carried.close();
      tree.focus({ preventScroll: true });
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
      next: () => search.step(1),
      previous: () => search.step(-1),
    };
    view.addEventListener("click", ({ target }) => actions[target.closest("button")?.dataset.do]?.());
    const depth = find("select[data-do=depth]");
    for (let n = 1; n <= Math.min(depths.reduce((most, one) => Math.max(most, one), 0), 12); n++) depth.add(new Option(n));
    depth.addEventListener("change", () => foldFrom(Number(depth.value || Infinity)));

    find(".actions").hidden = false;
    list();
    looked.all();
    measure();
    new ResizeObserver(measure).observe(tree);
    const given = rows.get(carried.shown() ?? location.hash.replace("#span-", ""));
    if (given !== undefined) {
      reveal(given);
      choose(given, false);
    }
    search.begin();
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
