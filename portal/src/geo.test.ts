import assert from "node:assert/strict";
import { test } from "node:test";

import { frame, greatCircle } from "./geo.ts";

test("a route over the date line is one line", () => {
  const points = greatCircle([174.8, -37], [-118.4, 33.9]);
  assert.ok(points.every(([x], i) => i === 0 || Math.abs(x - points[i - 1]![0]) < 10));
  assert.ok(Math.abs(points.at(-1)![0] - (360 - 118.4)) < 1e-9);
});

test("a great circle from London to New York goes north of both", () => {
  const points = greatCircle([-0.5, 51.5], [-73.8, 40.6]);
  assert.ok(Math.max(...points.map(([, y]) => y)) > 52);
});

test("a place and itself, and its antipode, are drawn", () => {
  assert.equal(greatCircle([10, 10], [10, 10]).length, 2);
  assert.equal(greatCircle([0, 0], [180, 0]).length, 2);
});

test("the frame holds the route, and is twice as wide as high", () => {
  const points = greatCircle([151.2, -33.9], [-70.8, -33.4]);
  const box = frame(points);
  assert.equal(box.width, box.height * 2);
  assert.ok(points.every(([x, y]) => x > box.x && x < box.x + box.width && -y > box.y && -y < box.y + box.height));
});
