// The booking that is being typed. It outlives an expired session.
import { codeIn, type Airports } from "./airports.ts";
import type { BookingWish } from "./api/airline.ts";
import { IdempotencyKey } from "./api/idempotency.ts";

export interface Draft {
  from: string;
  to: string;
  date: string;
  passenger: string;
  key: IdempotencyKey;
}

let draft: Draft = empty();

export function currentDraft(): Draft {
  return draft;
}

export function forgetDraft(): void {
  draft = empty();
}

function empty(): Draft {
  return { from: "", to: "", date: "", passenger: "", key: new IdempotencyKey() };
}

export function wishOf(draft: Draft, airports: Airports | undefined): BookingWish {
  return {
    from_airport: codeIn(draft.from, airports),
    to_airport: codeIn(draft.to, airports),
    departure_date: draft.date,
    passenger_name: draft.passenger,
  };
}
