import "./style.css";

import { render } from "preact";

import { configureApi } from "./api/client.ts";
import { App } from "./app.tsx";
import { loadConfig } from "./config.ts";
import { rememberFor } from "./memory.ts";
import { session } from "./session/session.ts";
import { Settings } from "./settings.ts";
import { loadSpans } from "./trace/trace.ts";

const root = document.getElementById("portal")!;

async function start() {
  const config = await loadConfig();
  configureApi(config);
  // Before the page is drawn again.
  session.state.watch(() => {
    const user = session.user();
    if (user) rememberFor(user.sub);
  });
  await session.begin(config);
  render(
    <Settings.Provider value={config}>
      <App />
    </Settings.Provider>,
    root,
  );
  // After what the user came for.
  setTimeout(() => void loadSpans(config.traces_endpoint), 0);
}

start().catch((error: unknown) => {
  console.error(error);
  root.innerText = "The portal cannot start: its configuration cannot be read. Reload the page to try again.";
});
