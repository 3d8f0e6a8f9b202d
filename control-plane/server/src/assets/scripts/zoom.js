// Which part of a trace's time is looked at: it is drawn across the overview or the time axis, or chosen by buttons.
"use strict";
(() => {
  /** The shortest time that is looked at, nanoseconds. */
  const SHORTEST = 100;

  /** Nanoseconds in the unit of `most`, with the digits that tell steps apart. */
  const exact = (ns, most, step) => {
    const [scale, unit] = texts.axisOf("duration", most);
    return (ns * scale).toFixed(Math.min(Math.max(Math.ceil(-Math.log10(step * scale)) + 1, 0), 9)) + unit;
  };

  /** The zoom of a view of this trace; calls `changed` when another part is looked at. `zoom.from` and `zoom.to` are nanoseconds after the trace's start. */
  const of = (view, { starts, durations, duration_ns, sent_by, senders, errors }, changed) => {
    const find = (selector) => view.querySelector(selector);
    const [axis, overview, canvas, range, told] = [".axis", ".overview", "canvas", ".range", ".told"].map(find);
    const length = Math.max(duration_ns, 1);
    const zoom = { from: 0, to: length };

    /** The whole trace in small, and which part of it is looked at. */
    zoom.draw = () => {
      const box = canvas.getBoundingClientRect();
      const ratio = devicePixelRatio || 1;
      [canvas.width, canvas.height] = [box.width * ratio, box.height * ratio];
      const pen = canvas.getContext("2d");
      const style = getComputedStyle(view);
      const colours = senders.map((sender) => style.getPropertyValue(`--series-${sender.colour}`).trim());
      const fault = style.getPropertyValue("--fault").trim();
      const step = canvas.height / starts.length;
      const high = Math.min(Math.max(step * 0.7, 1), 6 * ratio);
      const one = (row, colour, least) => {
        pen.fillStyle = colour;
        pen.fillRect((starts[row] / length) * canvas.width, row * step, Math.max((durations[row] / length) * canvas.width, least), high);
      };
      for (let row = 0; row < starts.length; row++) one(row, colours[sent_by[row]], 1);
      for (const row of errors.rows) one(row, fault, 2 * ratio);
    };

    zoom.look = (from, to) => {
      const wide = Math.min(Math.max(to - from, SHORTEST), length);
      zoom.from = Math.min(Math.max(from, 0), length - wide);
      zoom.to = zoom.from + wide;
      const whole = wide === length;
      [...axis.children].forEach((label, quarter) => {
        const time = zoom.from + (wide * quarter) / 4;
        label.textContent = !whole ? exact(time, zoom.to, wide / 4) : quarter ? texts.value("duration", time) : "0";
      });
      range.style.left = `${(zoom.from / length) * 100}%`;
      range.style.width = `${(wide / length) * 100}%`;
      range.hidden = whole;
      told.textContent = whole ? "" : `From ${[zoom.from, zoom.to].map((time) => exact(time, zoom.to, wide)).join(" to ")}.`;
      for (const name of ["out", "earlier", "later", "all"]) find(`[data-do=${name}]`).disabled = whole;
      changed();
    };
    zoom.all = () => zoom.look(0, length);
    zoom.closer = (times) => {
      const [middle, half] = [(zoom.from + zoom.to) / 2, (zoom.to - zoom.from) / 2 / times];
      zoom.look(middle - half, middle + half);
    };
    zoom.aside = (share) => zoom.look(zoom.from + (zoom.to - zoom.from) * share, zoom.to + (zoom.to - zoom.from) * share);
    zoom.at = (row) => {
      const room = Math.max(durations[row] * 0.05, SHORTEST / 2);
      zoom.look(starts[row] - room, starts[row] + durations[row] + room);
    };
    /** Where a time lies on the axis, as a share of it; a little outside where it is not looked at. */
    zoom.share = (time) => Math.min(Math.max((time - zoom.from) / (zoom.to - zoom.from), -0.02), 1.02);

    /** Drawing across an area chooses what is looked at; a click on the overview moves there. */
    const brush = (area, low, high) =>
      area.addEventListener("pointerdown", (down) => {
        // A second finger draws nothing.
        if (down.button !== 0 || !down.isPrimary) return;
        down.preventDefault();
        area.setPointerCapture(down.pointerId);
        const box = area.getBoundingClientRect();
        const place = (event) => Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
        const begin = place(down);
        const mark = area.appendChild(document.createElement("div"));
        mark.className = "brush";
        const drawn = new AbortController();
        const on = (name, then) => {
          const own = (event) => event.pointerId === down.pointerId && then(...[begin, place(event)].sort((a, b) => a - b));
          area.addEventListener(name, own, { signal: drawn.signal });
        };
        const end = () => {
          drawn.abort();
          mark.remove();
        };
        on("pointermove", (from, to) => {
          mark.style.left = `${from * 100}%`;
          mark.style.width = `${(to - from) * 100}%`;
        });
        on("pointerup", (from, to) => {
          end();
          const time = (share) => low() + share * (high() - low());
          const half = (zoom.to - zoom.from) / 2;
          if ((to - from) * box.width >= 4) zoom.look(time(from), time(to));
          else if (area === overview) zoom.look(time(from) - half, time(from) + half);
        });
        on("pointercancel", end);
      });
    brush(overview, () => 0, () => length);
    brush(axis, () => zoom.from, () => zoom.to);
    for (const area of [overview, axis]) area.addEventListener("dblclick", zoom.all);
    overview.hidden = false;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", zoom.draw);
    return zoom;
  };

  globalThis.zoom = { of };
})();
