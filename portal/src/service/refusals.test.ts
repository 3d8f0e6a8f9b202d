import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { who, why } from "./refusals.ts";

test("a reason is told in words, and one that is not known by its status", () => {
  assert.equal(why({ reason: "no_such_booking", status: 404 }), "No such booking, or somebody else's");
  assert.equal(why({ reason: "requests_quota_exceeded", status: 429 }), "More requests a second than your plan allows");
  assert.equal(why({ reason: "invalid_booking", status: 422 }), "What was entered was not valid");
  assert.equal(why({ reason: "418", status: 418 }), "Answered with 418");
  assert.equal(why({ reason: "constructor", status: 404 }), "There is no such thing");
});

test("whoever looks finds themselves", () => {
  assert.deepEqual([who("ann", "ann"), who("eve", "ann"), who(null, "ann"), who("", "")], ["You", "eve", "Not known", "Not known"]);
});

test("every refusal with 403, 404, 409 or 429 that our services make has words of its own", () => {
  const made = /StatusCode::(?:FORBIDDEN|NOT_FOUND|CONFLICT|TOO_MANY_REQUESTS),\s*"([a-z_]+)"/g;
  const codes = sources(["booking/src", "mileage/src"]).flatMap((source) => [...source.matchAll(made)].map((match) => match[1]!));
  assert.ok(codes.includes("no_such_booking") && codes.includes("not_an_admin"), `${codes}`);
  const general = ["There is no such thing", "This was not allowed", "It did not fit what was there", "Too many requests"];
  const without = codes.filter((reason) => [403, 404, 409, 429].some((status) => general.includes(why({ reason, status }))));
  assert.deepEqual(without, []);
});

function sources(folders: string[]): string[] {
  return folders.flatMap((folder) => {
    const root = new URL(`../../../${folder}/`, import.meta.url);
    const names = readdirSync(root, { recursive: true, encoding: "utf8" });
    return names.filter((name) => name.endsWith(".rs")).map((name) => readFileSync(new URL(name, root), "utf8"));
  });
}
