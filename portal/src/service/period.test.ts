import assert from "node:assert/strict";
import { test } from "node:test";

import { Moments } from "./moments.ts";
import { axisOf, CHOICES, DAY, monthOf, offsetOf, periodOf, placeOf, roundUp, zoneName } from "./period.ts";

const [hour, day, week, month] = CHOICES as [(typeof CHOICES)[0], (typeof CHOICES)[0], (typeof CHOICES)[0], (typeof CHOICES)[0]];
const NOON = Date.parse("2026-11-26T12:07:31.500Z");
const at = (text: string) => Date.parse(text) / 1000;

test("a period ends now", () => {
  assert.deepEqual(periodOf(hour, NOON), { from: at("2026-11-26T11:07:31Z"), to: at("2026-11-26T12:07:31Z") });
});

test("a month begins with its first, in UTC, and has begun", () => {
  assert.deepEqual(monthOf(NOON), { from: at("2026-11-01T00:00:00Z"), to: at("2026-11-26T12:07:32Z") });
  const first = monthOf(Date.parse("2027-01-01T00:00:00Z"));
  assert.ok(first.from === at("2027-01-01T00:00:00Z") && first.to > first.from);
});

test("an axis holds whole stretches", () => {
  const axis = axisOf(periodOf(hour, NOON), 60, hour, "UTC");
  assert.deepEqual([axis.from, axis.to], [at("2026-11-26T11:07:00Z"), at("2026-11-26T12:08:00Z")]);
  assert.deepEqual([placeOf(axis, axis.from), placeOf(axis, axis.to)], [0, 1]);
  const moments = new Moments("UTC");
  assert.deepEqual(axis.marks.map((mark) => moments.mark(mark, 60)), ["11:15", "11:30", "11:45", "12:00"]);
});

test("hours are marked where they are full in the reader's zone", () => {
  for (const [zone, marks] of [
    ["UTC", ["12:00", "18:00", "00:00", "06:00", "12:00"]],
    ["Europe/Berlin", ["18:00", "00:00", "06:00", "12:00"]],
    ["Asia/Kolkata", ["18:00", "00:00", "06:00", "12:00", "18:00"]],
    ["America/New_York", ["12:00", "18:00", "00:00", "06:00"]],
  ] as const) {
    const axis = axisOf(periodOf(day, NOON), 3_600, day, zone);
    const moments = new Moments(zone);
    assert.deepEqual(axis.marks.map((mark) => moments.mark(mark, 3_600)), marks, zone);
  }
});

test("days are marked from today back, as UTC counts them", () => {
  const moments = new Moments("America/New_York");
  const marks = (choice: typeof day) => axisOf(periodOf(choice, NOON), DAY, choice, "America/New_York").marks.map((mark) => moments.mark(mark, DAY));
  assert.deepEqual(marks(week), ["Nov 20", "Nov 22", "Nov 24", "Nov 26"]);
  assert.deepEqual(marks(month), ["Oct 29", "Nov 5", "Nov 12", "Nov 19", "Nov 26"]);
});

test("a zone is named with its distance", () => {
  assert.equal(zoneName("Europe/Berlin", at("2026-11-26T12:00:00Z")), "Europe/Berlin (GMT+1)");
  assert.equal(zoneName("UTC", 0), "UTC");
  const zones = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"];
  assert.deepEqual(zones.map((zone) => offsetOf(zone, at("2026-11-26T12:00:00Z")) / 3_600), [0, 1, 5.5, -5]);
  assert.equal(offsetOf("Europe/Berlin", at("2026-07-01T12:00:00Z")), 7_200);
});

test("an axis upwards ends with a round number", () => {
  assert.deepEqual([0, 1, 2, 3, 7, 10, 11, 210, 600, 990, 1e9].map(roundUp), [2, 2, 2, 4, 8, 10, 12, 240, 600, 1000, 1e9]);
});
