// A row of the waterfall: what it says of its span and where it draws it, in a copy of the row that the server wrote.
"use strict";
(() => {
  const { shape } = globalThis.svg;
  /** Deeper than this, depth says nothing and takes all the room; pixels for each step. As the server has it. */
  const [DEEPEST, STEP] = [20, 14];

  const duration = (ns) => texts.value("duration", ns);
  const text = (element, part, value) => (element.querySelector(part).textContent = value);

  /** What writes rows: copies of `template`, of these spans, on the part of the time axis that is looked at. */
  const of = (template, data, tree, looked) => {
    const { starts, durations } = data;
    const percent = (time) => `${(looked.share(time) * 100).toFixed(3)}%`;

    const bar = (svg, row) => {
      svg.replaceChildren();
      const [from, to] = [starts[row], starts[row] + durations[row]];
      const [x, end] = [percent(from), percent(to)];
      if (to >= looked.from && from <= looked.to) {
        shape(svg, "rect", { class: "span", x, width: `${(parseFloat(end) - parseFloat(x)).toFixed(3)}%`, y: 4, height: 12, rx: 2 });
      }
      for (const { at, name } of tree.events.get(row) ?? []) {
        if (at < looked.from || at > looked.to) continue;
        const mark = shape(svg, "circle", { class: name === "exception" ? "event failed" : "event", cx: percent(at), cy: 10, r: 3 });
        shape(mark, "title").textContent = `${name}, ${at < 0 ? `${duration(-at)} before the start` : `after ${duration(at)}`}`;
      }
    };

    /** Writes what a row says into its element. */
    const fill = (element, row, { place, href, isFolded, isActive, isChosen, isMatch }) => {
      const sender = data.senders[data.sent_by[row]];
      const error = tree.errors.get(row);
      const isParent = tree.isParent(row);
      element.id = `span-${tree.id(row)}`;
      element.dataset.row = row;
      element.className = "row";
      element.classList.toggle("fault", error !== undefined);
      element.classList.toggle("active", isActive);
      element.classList.toggle("chosen", isChosen);
      element.classList.toggle("match", isMatch);
      const states = { level: data.depths[row] + 1, rowindex: place + 2, selected: isChosen, expanded: isParent ? !isFolded : null };
      for (const [name, value] of Object.entries(states)) {
        if (value === null) element.removeAttribute(`aria-${name}`);
        else element.setAttribute(`aria-${name}`, value);
      }
      element.querySelector(".indent").setAttribute("width", Math.min(data.depths[row], DEEPEST) * STEP);
      text(element, ".fold", !isParent ? "" : isFolded ? `▸ ${tree.below(row)}${tree.failedBelow(row) ? " ✘" : ""}` : "▾");
      const name = element.querySelector(".name");
      name.textContent = data.texts[data.names[row]];
      name.title = name.textContent;
      name.href = href;
      text(element, ".kind", data.texts[data.kinds[row]]);
      text(element, ".cold", tree.coldStarts.has(row) ? "cold start" : "");
      text(element, ".orphan", tree.orphans.has(row) ? "parent not received" : "");
      text(element, ".what", error === undefined ? "" : `✘ ${error}`);
      const tenant = data.tenants[row];
      text(element, ".sender", [sender.service, sender.account_name ?? sender.account, data.texts[tenant]].filter(Boolean).join(" · "));
      element.querySelector(".swatch").setAttribute("class", `swatch s${sender.colour}`);
      element.querySelector(".bar").setAttribute("class", `bar s${sender.colour}`);
      bar(element.querySelector(".bar"), row);
      text(element, ".took", duration(durations[row]));
    };

    const made = () => {
      const element = template.content.firstElementChild.cloneNode(true);
      element.setAttribute("role", "row");
      for (const cell of element.children) cell.setAttribute("role", "gridcell");
      // The list is one stop of the Tab key; within it arrows move.
      element.querySelector(".name").tabIndex = -1;
      return element;
    };
    return { fill, made };
  };

  globalThis.spanRow = { of };
})();
