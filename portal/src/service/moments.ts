import { DAY } from "./period.ts";

/** Writes moments, Unix seconds, in the words of one zone; whole days in those of UTC. */
export class Moments {
  readonly #minute: Intl.DateTimeFormat;
  readonly #second: Intl.DateTimeFormat;
  readonly #clock: Intl.DateTimeFormat;
  readonly #day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
  readonly #month = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

  constructor(timeZone: string) {
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone } as const;
    this.#clock = new Intl.DateTimeFormat("en", clock);
    this.#minute = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", ...clock });
    this.#second = new Intl.DateTimeFormat("en", { ...clock, second: "2-digit" });
  }

  minute = (at: number) => this.#minute.format(at * 1000);
  second = (at: number) => this.#second.format(at * 1000);
  month = (at: number) => this.#month.format(at * 1000);

  /** A stretch of so many seconds, by its beginning. */
  stretch = (start: number, width: number) => (width >= DAY ? this.#day : this.#minute).format(start * 1000);

  /** The same on an axis, where there is little room. */
  mark = (start: number, width: number) => (width >= DAY ? this.#day : this.#clock).format(start * 1000);
}
