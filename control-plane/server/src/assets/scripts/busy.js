// Shows that another page is on its way. No page needs it.
"use strict";
(() => {
  // The server answers within 10 s, whatever it is asked for.
  const LONGEST = 10_000;
  const root = document.documentElement;
  let over;

  const begin = () => {
    root.classList.add("busy");
    clearTimeout(over);
    over = setTimeout(end, LONGEST);
  };
  const end = () => root.classList.remove("busy");

  /** Whether a click leads to another page here: not to a part of this one, to another tab, or to something that is saved. */
  const leads = (event, link) => {
    const elsewhere = event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (elsewhere || !link?.href || typeof link.href !== "string" || link.target || link.hasAttribute("download")) return false;
    const url = new URL(link.href);
    const isHere = url.pathname === location.pathname && url.search === location.search && url.hash !== "";
    return url.origin === location.origin && !url.pathname.startsWith("/api/") && !isHere;
  };

  document.addEventListener("click", (event) => {
    if (leads(event, event.target.closest("a"))) begin();
  });
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) begin();
  });
  // Whoever goes back finds the page as it was left.
  addEventListener("pageshow", end);
})();
