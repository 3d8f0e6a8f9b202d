// The critical path of a trace as one line through the rows in sight: along the bar of the span that was waited for, and from there to the next.
"use strict";
(() => {
  const { made, shape } = globalThis.svg;

  /** The line in a list of rows; `size` says how high these are, and where the time axis lies in them. */
  const of = (list, path, looked, size) => {
    const line = list.appendChild(made("svg", { class: "critical", "aria-hidden": "true" }));
    const [steps, idle, held] = ["steps", "idle", "held"].map((name) => shape(line, "path", { class: name }));

    /** Draws it from the first place to the last; `places` says where each row lies. */
    const draw = (places, first, last) => {
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
    return { draw };
  };

  globalThis.criticalPath = { of };
})();
