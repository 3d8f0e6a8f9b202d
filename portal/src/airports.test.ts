import assert from "node:assert/strict";
import { test } from "node:test";

import { Airports, codeIn } from "./airports.ts";

const airports = new Airports(
  [
    ["GRU", "Guarulhos International Airport", "São Paulo", "BR", -23.4, -46.5],
    ["JFK", "John F Kennedy International Airport", "New York", "US", 40.6, -73.8, 12],
    ["LCY", "London City Airport", "London", "GB", 51.5, 0.1],
    ["LGW", "London Gatwick Airport", "London", "GB", 51.1, -0.2, 50],
    ["LHR", "London Heathrow Airport", "London", "GB", 51.5, -0.5, 3],
    ["YXU", "London International Airport", "London", "CA", 43, -81.2],
    ["LON", "Longview Airport", "Longview", "US", 32.4, -94.7],
    ["NEW", "Lakefront Airport", "New Orleans", "US", 30, -90],
  ],
  (code) => ({ BR: "Brazil", CA: "Canada", GB: "United Kingdom", US: "United States" })[code] ?? code,
);
const search = (text: string) => airports.search(text).map(({ code }) => code);

test("an exact code comes first", () => {
  assert.deepEqual(search("lon"), ["LON", "LHR", "LGW", "YXU", "LCY"]);
});

test("the busiest of a city comes first", () => {
  assert.deepEqual(search("london"), ["LHR", "LGW", "YXU", "LCY"]);
});

test("accents and case do not matter", () => {
  assert.deepEqual(search("SAO PAULO"), ["GRU"]);
});

test("all words must be there, in any order", () => {
  assert.deepEqual(search("heathrow london"), ["LHR"]);
  assert.deepEqual(search("london kingdom city"), ["LCY"]);
  assert.deepEqual(search("london atlantis"), []);
});

test("nothing finds nothing", () => {
  assert.deepEqual(search("  "), []);
});

test("what was typed is a code only if it is one", () => {
  assert.equal(codeIn("jfk ", airports), "JFK");
  assert.equal(codeIn("JFK New York", airports), "JFK");
  assert.equal(codeIn("new york", airports), "new york");
  assert.equal(codeIn("JFK somewhere", airports), "JFK somewhere");
  assert.equal(codeIn("lhr", undefined), "LHR");
});
