import { defineConfig } from "vite";

export default defineConfig({
  // scripts/sizes.ts says what came of it.
  logLevel: "warn",
  // The sign-in library's byte buffers look for Node's name of the global object.
  define: { global: "globalThis" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // An inlined asset would be a data: URL, which the content security policy refuses.
    assetsInlineLimit: 0,
    // The licences of what is in the files, as most of them ask for.
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
  },
});
