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
    document.execCommand("copy");
    field.remove();
  };

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("button.copy");
    if (!button) return;
    await put(button.previousElementSibling.textContent);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1_000);
  });
  document.addEventListener("htmx:afterSwap", show);
  show();
})();
