const day = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const whole = new Intl.NumberFormat("en");

export const formatDay = (date: string) => day.format(new Date(`${date}T00:00:00Z`));
export const formatMoment = (timestamp: string) => moment.format(new Date(timestamp));
export const formatNumber = (value: number) => whole.format(value);

/** The day so many days from `now`, in UTC, as the API writes it. */
export function dayFrom(now: number, days: number): string {
  return new Date(now + days * 86_400_000).toISOString().slice(0, 10);
}
