// What the pages do by script, and none of them needs: times in the reader's own zone, and a window chosen by drawing across a chart.
"use strict";
(() => {
  const KEY = "times";
  const button = document.getElementById("zone");
  const local = () => localStorage.getItem(KEY) === "local";
  const two = (number) => String(Math.trunc(number)).padStart(2, "0");

  /** What the clock on the wall shows at a moment, written as if it were UTC. */
  const wall = (moment) => new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString();

  /** The reader's distance from UTC at a moment, as ISO 8601 has it. */
  const offset = (moment) => {
    const minutes = -moment.getTimezoneOffset();
    return `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  };

  /** Shows what `datetime` or `data-at` says: the part of it that the server wrote, in the chosen zone. */
  const tell = (element) => {
    const said = element.dataset.at ?? element.dateTime;
    const moment = new Date(said);
    if (Number.isNaN(moment.getTime())) return;
    element.dataset.utc ??= element.textContent;
    const utc = element.dataset.utc;
    const [from, whole] = [said.indexOf(utc), utc.endsWith("Z")];
    if (from < 0) return;
    const until = from + utc.length - (whole ? 1 : 0);
    element.textContent = local() ? wall(moment).slice(from, until) + (whole ? offset(moment) : "") : utc;
  };

  /** Shows a field of a form in the chosen zone, unless somebody has written into it. */
  const fill = (field) => {
    field.dataset.utc ??= field.value;
    const untouched = field.value === (field.dataset.shown ?? field.dataset.utc);
    const utc = field.dataset.utc;
    if (untouched) field.value = local() && utc ? wall(new Date(`${utc}Z`)).slice(0, 19) : utc;
    field.dataset.shown = field.value;
    const label = field.parentElement.firstChild;
    label.textContent = label.textContent.replace(/, .*/, local() ? ", local" : ", UTC");
  };

  const show = () => {
    document.querySelectorAll("time[datetime], [data-at]").forEach(tell);
    document.querySelectorAll("input[type=datetime-local]").forEach(fill);
    if (button) button.textContent = local() ? "Times in your zone" : "Times in UTC";
  };

  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      localStorage.setItem(KEY, local() ? "utc" : "local");
      show();
    });
  }

  // The server reads all times as UTC.
  document.addEventListener("formdata", ({ target, formData }) => {
    if (!local()) return;
    for (const { name, value } of target.querySelectorAll("input[type=datetime-local]")) {
      if (value) formData.set(name, new Date(value).toISOString());
    }
  });

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
  document.addEventListener("htmx:afterSwap", show);
  show();
})();
