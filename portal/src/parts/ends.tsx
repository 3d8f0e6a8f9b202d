import type { Airports } from "../airports.ts";
import { placeName } from "./place.ts";

/** From where to where, as a boarding pass has it. */
export function Ends({ from, to, airports }: { from: string; to: string; airports: Airports | undefined }) {
  return (
    <p class="ends">
      <span>
        <b>{from}</b> <small>{placeName(airports, from)}</small>
      </span>
      <span class="unseen"> to </span>
      <svg class="flight" viewBox="0 0 60 20" aria-hidden="true">
        <path class="way" d="M2 10H58" />
        <path class="dart" d="M22 3L40 10L22 17L26 10Z" />
      </svg>
      <span>
        <b>{to}</b> <small>{placeName(airports, to)}</small>
      </span>
    </p>
  );
}
