import { airline, type Posting } from "./api/airline.ts";
import { act } from "./api/client.ts";
import { sleep } from "./api/retry.ts";

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5_000;
const GIVE_UP_AFTER_MS = 90_000;

/**
 * Asks for a booking's miles until they are there, or, of a cancelled booking, until they are taken back; `undefined` if that takes too
 * long or nobody looks any more.
 */
export function watchMiles(number: string, cancelled: boolean, stopped: AbortSignal): Promise<Posting | undefined> {
  return act(cancelled ? "see the miles taken back" : "see the miles arrive", async (action) => {
    const end = Date.now() + GIVE_UP_AFTER_MS;
    for (let wait = FIRST_WAIT_MS; !stopped.aborted && Date.now() < end; wait = Math.min(LONGEST_WAIT_MS, wait * 1.5)) {
      const posting = await airline.posting(action, number);
      if (cancelled ? posting.status === "cancelled" : posting.status !== "pending") return posting;
      await sleep(wait);
    }
    return undefined;
  });
}
