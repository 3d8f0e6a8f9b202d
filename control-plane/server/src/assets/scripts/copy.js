// Copies what stands before a button to the clipboard.
"use strict";
(() => {
  const show = () => document.querySelectorAll("button.copy[hidden]").forEach((button) => (button.hidden = false));

  /** Pages that came by plain HTTP have no clipboard but the old command. */
  const put = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = text;
    field.select();
    const is = document.execCommand("copy");
    field.remove();
    if (!is) throw new Error("The browser does not copy.");
  };

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("button.copy");
    if (!button) return;
    const name = (button.dataset.name ??= button.ariaLabel);
    const is = await put(button.previousElementSibling.textContent).then(() => true, () => false);
    // The old command took it to the field.
    button.focus();
    button.classList.toggle("done", is);
    button.ariaLabel = is ? "Copied" : "Not copied";
    setTimeout(() => {
      button.classList.remove("done");
      button.ariaLabel = name;
    }, 1_000);
  });
  document.addEventListener("htmx:afterSwap", show);
  show();
})();
