// Values and times as text: values as text/figures.rs writes them, times in the zone that the reader chose.
"use strict";
(() => {
  const DAY = 86_400;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  /** So many digits after the point; of two that are as near the even one, as Rust has it. */
  const fixed = (value, digits) => {
    const scaled = value * 10 ** digits;
    const isBetween = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(scaled % 1) === 0.5;
    return (isBetween ? (2 * Math.round(scaled / 2)) / 10 ** digits : value).toFixed(digits);
  };

  /** The same, with its thousands apart. */
  const apart = (value, digits) => fixed(value, digits).replace(/\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

  const percent = (share) => {
    const of100 = share * 100;
    if (of100 === 0) return "0 %";
    if (of100 < 0.01) return "<0.01 %";
    return of100 < 0.995 ? `${Math.round(of100 * 100) / 100} %` : `${apart(of100, of100 < 1_000 ? 1 : 0)} %`;
  };

  /** Digits after the point, so that three are shown in all. */
  const digits = (value) => (value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

  /** Where a unit of durations ends, how many nanoseconds it has, and what it is called. */
  const DURATIONS = [[999.5e3, 1e3, "µs"], [999.5e6, 1e6, "ms"], [59.95e9, 1e9, "s"], [3_597e9, 60e9, "min"], [Infinity, 3_600e9, "h"]];
  const duration = (ns) => {
    if (ns < 0.5) return "0 ms";
    if (ns < 999.5) return `${fixed(ns, 0)} ns`;
    const [, factor, unit] = DURATIONS.find(([end]) => ns < end);
    const value = ns / factor;
    return `${apart(value, digits(value))} ${unit}`;
  };

  const KIB = 1_024;
  /** Where a unit of bytes ends, how many it has, and what it is called. */
  const SIZES = [[KIB - 0.5, 1, "B"], [999.5 * KIB, KIB, "KiB"], [999.5 * KIB ** 2, KIB ** 2, "MiB"], [Infinity, KIB ** 3, "GiB"]];
  const bytes = (number) => {
    const [, factor, unit] = SIZES.find(([end]) => number < end);
    const value = number / factor;
    return `${apart(value, factor === 1 ? 0 : digits(value))} ${unit}`;
  };

  const rate = (perSecond) => {
    if (perSecond >= 10) return `${apart(perSecond, 0)}/s`;
    if (perSecond >= 0.1) return `${fixed(perSecond, 1)}/s`;
    if (perSecond >= 0.002) return `${fixed(perSecond * 60, 1)}/min`;
    if (perSecond * 3_600 >= 0.05) return `${fixed(perSecond * 3_600, 1)}/h`;
    return perSecond === 0 ? "0/s" : "<0.1/h";
  };

  const money = (micros) => {
    if (micros === 0) return "0.00";
    return micros < 50 ? "<0.0001" : apart(micros / 1e6, micros < 1e6 ? 4 : 2);
  };

  const spent = (seconds) => {
    if (seconds === 0) return "0 s";
    return seconds < 0.05 ? "<0.1 s" : `${apart(seconds, 1)} s`;
  };

  const attained = (share) => `${Math.floor(share * 1e4 + 1e-6) / 1e2} %`;

  const TEXTS = {
    count: (number) => apart(number, 0),
    rate,
    duration,
    share: percent,
    left: (share) => (share < 0 ? `overdrawn by ${percent(-share)}` : attained(share)),
    spent,
    times: (factor) => `${apart(factor, 1)} ×`,
    money: (micros, currency) => `${money(micros)} ${currency}`,
    bytes,
  };

  /** A value with its unit; a dash for none. */
  const value = (unit, value, currency) => (value === null || value === undefined ? "–" : TEXTS[unit](value, currency));

  /** What values are multiplied by on an axis that reaches so high, and the unit that they have then. */
  const AXES = {
    count: () => [1, ""],
    rate: (top) => (top >= 0.1 ? [1, "/s"] : top >= 0.002 ? [60, "/min"] : [3_600, "/h"]),
    duration: (top) => {
      const [, factor, unit] = top < 999.5 ? [0, 1, "ns"] : DURATIONS.find(([end]) => top < end);
      return [1 / factor, ` ${unit}`];
    },
    share: () => [100, " %"],
    left: () => [100, " %"],
    spent: () => [1, " s"],
    times: () => [1, " ×"],
    money: (_, currency) => [1e-6, ` ${currency}`],
    bytes: (top) => {
      const [, factor, unit] = SIZES.find(([end]) => top < end);
      return [1 / factor, ` ${unit}`];
    },
  };

  // Times, in the zone that the reader chose.

  const isLocal = () => {
    try {
      return localStorage.getItem("times") === "local";
    } catch {
      // A browser may keep nothing.
      return false;
    }
  };
  const offset = (seconds) => (isLocal() ? -new Date(seconds * 1_000).getTimezoneOffset() : 0);

  /** What the clock shows at a moment: date, hour and minute, and seconds. */
  const clock = (seconds) => {
    const shown = new Date((seconds + offset(seconds) * 60) * 1_000).toISOString();
    return { day: shown.slice(0, 10), minute: shown.slice(11, 16), second: shown.slice(11, 19) };
  };

  const shortDay = (day) => `${Number(day.slice(8))} ${MONTHS[Number(day.slice(5, 7)) - 1]}`;

  const zone = (seconds) => {
    if (!isLocal()) return "UTC";
    const minutes = Math.abs(offset(seconds));
    const two = (number) => String(Math.trunc(number)).padStart(2, "0");
    return `${offset(seconds) < 0 ? "−" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
  };

  /** A stretch of time, as short as it can be said. */
  const stretch = (from, width) => {
    const [begin, end] = [clock(from), clock(from + width)];
    const part = width % 60 || from % 60 ? "second" : "minute";
    if (width % DAY === 0 && begin.minute === "00:00") {
      const last = clock(from + width - DAY).day;
      return (last === begin.day ? begin.day : `${begin.day} to ${last}`) + (isLocal() ? "" : " UTC");
    }
    const until = end.day === begin.day ? end[part] : `${end.day} ${end[part]}`;
    return `${begin.day} ${begin[part]}–${until} ${zone(from)}`;
  };

  // Bins of durations, eight to a doubling, as the histograms of the server have them.
  const binOf = (ns) => 8 * Math.log2(ns);
  const ofBin = (bin) => 2 ** (bin / 8);

  const axisOf = (unit, top, currency) => AXES[unit](top, currency);

  globalThis.texts = { axisOf, binOf, clock, isLocal, ofBin, shortDay, stretch, value };
})();
