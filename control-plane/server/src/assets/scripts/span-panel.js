// The panel of the chosen span, which the server writes.
"use strict";
(() => {
  /** The panel; `address` is where the server has that of SPAN. */
  const of = (panel, address) => {
    const ask = asker();
    const shown = () => panel.firstElementChild?.dataset.shows;

    /** Shows what a span carries. */
    const show = async (id, focus) => {
      panel.hidden = false;
      if (shown() === id) {
        // Whatever else was asked for is not wanted any more.
        ask();
      } else {
        panel.setAttribute("aria-busy", "true");
        const answer = await ask(address.replace("SPAN", id));
        // Another one was chosen meanwhile, or none.
        if (!answer) return;
        panel.innerHTML = answer.ok ? answer.text : "";
        if (shown() !== id) panel.innerHTML = `<p>What this span carries cannot be read at the moment.</p><a class="close" href="">Close</a>`;
        panel.dispatchEvent(new Event("htmx:afterSwap", { bubbles: true }));
        panel.scrollTop = 0;
      }
      panel.removeAttribute("aria-busy");
      const narrow = panel.querySelector(".narrow");
      if (narrow) narrow.hidden = false;
      if (focus) panel.focus();
    };
    const close = () => {
      ask();
      panel.hidden = true;
    };

    panel.addEventListener("input", ({ target }) => {
      if (!target.matches(".narrow")) return;
      const wanted = target.value.trim().toLowerCase();
      for (const row of panel.querySelectorAll(".attributes tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    return { show, close, shown };
  };

  globalThis.spanPanel = { of };
})();
