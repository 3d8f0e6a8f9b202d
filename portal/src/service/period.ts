// Which stretch of time the page is about, and the axis that it is drawn along.
import type { Period } from "../api/control-plane.ts";

const HOUR = 3_600;
export const DAY = 86_400;

export interface Choice {
  name: string;
  /** As in "requests in …". */
  said: string;
  seconds: number;
  /** Between two marks of the axis. */
  marks: number;
}

export const CHOICES: Choice[] = [
  { name: "Last hour", said: "the last hour", seconds: HOUR, marks: HOUR / 4 },
  { name: "24 hours", said: "the last 24 hours", seconds: DAY, marks: 6 * HOUR },
  { name: "7 days", said: "the last 7 days", seconds: 7 * DAY, marks: 2 * DAY },
  { name: "30 days", said: "the last 30 days", seconds: 30 * DAY, marks: 7 * DAY },
];

/** The time until `now`, in milliseconds since 1970, that is chosen. */
export function periodOf(choice: Choice, now: number): Period {
  const to = Math.floor(now / 1000);
  return { from: to - choice.seconds, to };
}

/** This month so far. The control plane adds costs up by days of UTC, and so the month is UTC's. */
export function monthOf(now: number): Period {
  const date = new Date(now);
  return { from: Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000, to: Math.floor(now / 1000) + 1 };
}

export interface Axis extends Period {
  /** Seconds of a stretch. */
  width: number;
  marks: number[];
}

/** From the beginning of the first stretch to the end of the last. Marks are at full hours of `zone`; at the beginnings of days, where a stretch is one. */
export function axisOf(period: Period, width: number, choice: Choice, zone: string): Axis {
  const from = Math.floor(period.from / width) * width;
  const to = Math.ceil(period.to / width) * width;
  const offset = width < DAY ? offsetOf(zone, from) : 0;
  const marks: number[] = [];
  // Of days the last are marked: today is what one looks for.
  const first = width < DAY ? Math.ceil((from + offset) / choice.marks) * choice.marks - offset : to - width - Math.floor((to - width - from) / choice.marks) * choice.marks;
  for (let mark = first; mark < to; mark += choice.marks) marks.push(mark);
  return { from, to, width, marks };
}

/** Where a moment is on the axis, as a share of its length. */
export function placeOf(axis: Axis, at: number): number {
  return (at - axis.from) / (axis.to - axis.from);
}

/** Seconds that a zone is ahead of UTC. */
export function offsetOf(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(at * 1000);
  const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  return hours ? (sign === "-" ? -1 : 1) * (Number(hours) * HOUR + Number(minutes) * 60) : 0;
}

/** The browser's zone. */
export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** `Europe/Berlin (GMT+1)`; `UTC` */
export function zoneName(zone: string, at: number): string {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(at * 1000);
  const offset = parts.find((part) => part.type === "timeZoneName")?.value;
  return zone === "UTC" || offset === undefined ? zone : `${zone} (${offset})`;
}

const ROUND = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];

/** The next round number whose half is a whole one, so that an axis ends with it. */
export function roundUp(value: number): number {
  if (value <= 10) return Math.max(2, Math.ceil(value / 2) * 2);
  const power = 10 ** Math.floor(Math.log10(value));
  return Math.round((ROUND.find((step) => step * power >= value) ?? 10) * power);
}
