/** Times to try, the first included. */
export const TRIES = 3;
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5_000;

const WORTH_ANOTHER_TRY = new Set([429, 502, 503, 504]);

export function isWorthAnotherTry(status: number): boolean {
  return WORTH_ANOTHER_TRY.has(status);
}

/**
 * How long to wait after try number `tried` (from 1): doubling, with jitter, or what the service asks for; `undefined` if
 * that is longer than anybody waits.
 */
export function waitMs(tried: number, retryAfter: string | null, random = Math.random()): number | undefined {
  const asked = Number(retryAfter ?? Number.NaN) * 1000;
  const doubling = FIRST_WAIT_MS * 2 ** (tried - 1) * (0.5 + random / 2);
  if (asked > LONGEST_WAIT_MS) return undefined;
  return Number.isFinite(asked) ? Math.max(asked, doubling) : doubling;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
