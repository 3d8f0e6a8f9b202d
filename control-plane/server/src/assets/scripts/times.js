// Times in the reader's own zone. No page needs it.
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

  /** A moment as pages show it. */
  const readable = (moment) => moment.replace("T", " ");

  /** Whether a text has a day and a time. */
  const whole = (text) => text.includes(" ");

  /** Shows what `datetime` or `data-at` says: the part of it that the server wrote, in the chosen zone. */
  const tell = (element) => {
    const said = element.dataset.at ?? element.dateTime;
    const moment = new Date(said);
    if (Number.isNaN(moment.getTime())) return;
    element.dataset.utc ??= element.textContent;
    const utc = element.dataset.utc;
    const from = readable(said).indexOf(utc);
    if (from < 0) return;
    element.textContent = local() ? readable(wall(moment)).slice(from, from + utc.length) : utc;
    // Which moment it is, whoever reads it.
    if (whole(utc)) element.title = local() ? `${element.textContent}${offset(moment)}` : said;
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
    // Charts say times, too.
    document.dispatchEvent(new Event("times:shown"));
  };

  if (button) {
    button.disabled = false;
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

  document.addEventListener("htmx:afterSwap", show);
  show();
})();
