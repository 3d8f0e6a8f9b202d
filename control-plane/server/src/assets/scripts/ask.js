// Asking the server for one thing after the other.
"use strict";
(() => {
  /** Asks for one thing after the other: whoever asked before gets nothing, whatever comes. Without an address nothing is asked for. */
  const asker = () => {
    let asking = new AbortController();
    return async (url) => {
      asking.abort();
      const { signal } = (asking = new AbortController());
      const answer = { ok: false, text: "" };
      try {
        const response = url && (await fetch(url, { signal }));
        if (response) Object.assign(answer, { ok: response.ok, text: await response.text() });
      } catch {
        // No answer is one that is not ok.
      }
      return signal.aborted ? undefined : answer;
    };
  };

  globalThis.asker = asker;
})();
