// What a visitor downloads, gzipped; fails where the first load is too heavy.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_LIMIT = 100_000;
const LATER = /^(spans|airports|land)-/;

const dist = new URL("../dist/", import.meta.url);
const names = ["index.html", ...readdirSync(new URL("assets/", dist)).map((name) => `assets/${name}`)];
const files = names.map((name) => {
  const later = LATER.test(name.replace("assets/", ""));
  return { name, later, bytes: gzipSync(readFileSync(new URL(name, dist))).length };
});
for (const { name, later, bytes } of files) console.log(`${String(bytes).padStart(8)}  ${later ? "later" : "first"}  ${name}`);
const first = files.filter((file) => !file.later).reduce((sum, file) => sum + file.bytes, 0);
console.log(`${String(first).padStart(8)}  first load, of ${FIRST_LOAD_LIMIT} at most`);
if (first > FIRST_LOAD_LIMIT) process.exitCode = 1;
