// Finding spans within a trace, and stepping from one to the next.
"use strict";
(() => {
  const number = (count) => texts.value("count", count);

  /** An object of JSON; an empty one where it is something else. */
  const read = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  };

  /** The search of a view. `lists.keep` keeps the text that is looked for, `lists.reveal` brings a row into sight, `lists.draw` draws all anew, and
   * `lists.active` is the row where the reader is. */
  const of = (view, rows, lists) => {
    const [form, told, buttons] = [".within", ".told", ".matches"].map((selector) => view.querySelector(selector));
    const ask = asker();
    let [matches, matched] = [[], 0];

    /** Steps to the next or previous of the spans that were found. */
    const step = (by, from = lists.active()) => {
      if (!matches.length) return;
      const next = by > 0 ? matches.find((row) => row > from) : matches.findLast((row) => row < from);
      const row = next ?? matches.at(by > 0 ? 0 : -1);
      lists.reveal(row);
      const first = matched > matches.length ? `; the first ${number(matches.length)} are stepped through` : "";
      told.textContent = `${number(matches.indexOf(row) + 1)} of ${number(matched)} spans found${first}.`;
    };
    const search = async () => {
      const wanted = form.elements.find.value.trim();
      lists.keep(wanted);
      told.textContent = wanted && "Searching …";
      const answer = await ask(wanted && `${view.dataset.spans}?${new URLSearchParams({ find: wanted })}`);
      // Something else is looked for by now.
      if (!answer) return;
      const { span_ids = [], detail = "Spans cannot be searched at the moment.", ...all } = read(answer.text);
      [matches, matched] = [span_ids.map((id) => rows.get(id)).filter((row) => row !== undefined), all.matched ?? 0];
      buttons.hidden = !matches.length;
      told.textContent = !wanted ? "" : answer.ok ? "No span was found." : detail;
      lists.draw();
      step(1, lists.active() - 1);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      search();
    });
    /** Looks for what the form says when the page is opened. */
    const begin = () => form.elements.find.value && search();
    return { begin, step, isMatch: (row) => matches.includes(row) };
  };

  globalThis.findSpans = { of };
})();
