// Figures as people say them.
import type { Alarm, Share, SloStatus } from "../api/control-plane.ts";
import { formatNumber } from "../format.ts";
import { DAY } from "./period.ts";

/**
 * A share as a percentage, rounded down: what just misses a promise does not look as if it were kept. Only all is 100 %, and only nothing is 0 %.
 */
export function percent(share: number): string {
  if (share <= 0 || share >= 1) return share > 0 ? "100 %" : "0 %";
  for (let digits = 2; ; digits += 1) {
    // What is a hair below by the way it was computed, is not below.
    const down = Math.floor(share * 10 ** (digits + 2) + 1e-6) / 10 ** digits;
    if (down > 0 || digits === 6) return `${down} %`;
  }
}

/** A length of time in nanoseconds: two or three digits and a unit. */
export function duration(ns: number): string {
  const short = (value: number) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
  if (ns < 1e9) return `${short(ns / 1e6)} ms`;
  return ns < 60e9 ? `${short(ns / 1e9)} s` : span(ns / 1e9);
}

/** A longer one, in seconds. */
export function span(seconds: number): string {
  const units: [number, string][] = [[DAY, "d"], [3_600, "h"], [60, "min"]];
  const unit = units.findIndex(([length]) => seconds >= length);
  if (unit < 0) return `${Math.round(seconds)} s`;
  const [[length, name], next] = [units[unit]!, units[unit + 1]];
  const rest = next && Math.floor((seconds % length) / next[0]);
  return `${Math.floor(seconds / length)} ${name}${rest ? ` ${rest} ${next[1]}` : ""}`;
}

/** Requests, of which some may stand for several. */
export const count = (value: number) => formatNumber(Math.round(value));

export function money({ micros, cents }: Pick<Share, "micros" | "cents">, currency: string): string {
  const say = (value: number) => {
    try {
      return new Intl.NumberFormat("en", { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
    } catch {
      return `${value.toFixed(2)} ${currency}`;
    }
  };
  return cents === 0 && micros ? `less than ${say(0.01)}` : say((cents ?? 0) / 100);
}

export interface Promised {
  what: string;
  /** The share there was; undefined without requests. */
  share: number | undefined;
  target: number;
}

/** What was promised, and what there was, over 30 days. */
export function promises({ evaluation }: SloStatus): Promised[] {
  const { objectives, budget, quick } = evaluation;
  const { availability, latency } = objectives;
  // Of so many requests as have these failures to their name.
  const failed = budget.allowed > 0 ? (budget.consumed * (1 - availability.target)) / budget.allowed : undefined;
  return [
    { what: "Requests answered without failure", share: failed === undefined ? undefined : 1 - failed, target: availability.target },
    { what: `Requests answered within ${latency.within_ms < 1_000 ? `${latency.within_ms} ms` : `${latency.within_ms / 1_000} s`}`, share: quick ?? undefined, target: latency.target },
  ];
}

/** Whether it was kept. The share was computed from the target, so that they may differ by a hair where they are equal. */
export const isKept = ({ share, target }: Promised) => share === undefined || share >= target - 1e-12;

/** How many failures were allowed and used. */
export function failures({ evaluation: { budget } }: SloStatus): { used: string; left: string } {
  const left = budget.allowed - budget.consumed;
  const whole = Math.floor(Math.abs(left) + 1e-6);
  const requests = (number: number) => `${formatNumber(number)} more ${number === 1 ? "request" : "requests"}`;
  return {
    // A part of a request cannot fail.
    used: `${count(budget.consumed)} of ${formatNumber(Math.floor(budget.allowed + 1e-6))} allowed`,
    left:
      left < -1e-9
        ? `${requests(Math.max(1, Math.ceil(-left - 1e-6)))} failed than were allowed to.`
        : whole > 0
          ? `${requests(whole)} may fail before the promise is broken.`
          : "With so few requests, one more failure breaks the promise.",
  };
}

/** What happened, in one sentence. */
export function incident({ condition, value, requests, failed, summary }: Alarm): string {
  const times = `${value < 10 ? value.toFixed(1) : value.toFixed(0)} times`;
  switch (condition) {
    case "error_rate":
      return `${percent(value)} of requests failed within 5 minutes (${formatNumber(failed)} of ${formatNumber(requests)}).`;
    case "latency":
      return `The slowest answers took ${times} as long as usual (${formatNumber(requests)} requests in 5 minutes).`;
    case "budget":
      return value < 2 ? `${(value * 100).toFixed(0)} % of the failures that are allowed in 30 days were used.` : `${times} as many requests failed as 30 days allow.`;
    case "fast_burn":
      return `Within an hour, requests failed ${times} as often as allowed (${formatNumber(failed)} of ${formatNumber(requests)}).`;
    case "slow_burn":
      return `Within 6 hours, requests failed ${times} as often as allowed (${formatNumber(failed)} of ${formatNumber(requests)}).`;
    case "refusals":
      return `${formatNumber(failed)} of ${formatNumber(requests)} requests were turned away within 5 minutes, far more than usual.`;
    default:
      return summary;
  }
}
