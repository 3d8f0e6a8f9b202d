import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { inWords } from "./field-errors.ts";

test("what the API says is told in the words of the form", () => {
  assert.equal(inWords("must be another airport than from_airport"), "must be another airport than From");
  assert.equal(inWords("must be an IATA airport code: three letters A to Z"), "must be an airport from the list");
  assert.equal(inWords("must be at most 361 days ahead"), "must be within the next 361 days");
  assert.equal(inWords("must have at most 100 characters"), "must have at most 100 characters");
});

test("nothing that the API says of a booking names its own fields or codes", () => {
  const source = (path: string) => readFileSync(new URL(`../../booking/src/domain/${path}`, import.meta.url), "utf8");
  const code = ["new_booking.rs", "fields.rs"].map((path) => source(path).split("#[cfg(test)]")[0]).join("");
  const said = [...code.matchAll(/"((?:must|is) [^"]*)"/g)].map(([, text]) => text ?? "");
  assert.ok(said.length >= 9, said.join("; "));
  for (const text of said.filter((text) => !/field of a booking|too large|out of range/.test(text))) {
    assert.doesNotMatch(inWords(text), /_|IATA|string|YYYY/, text);
  }
});
