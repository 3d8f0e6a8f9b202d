// What this page knows of bookings it has made: that they are new, and since when.
import type { Booking } from "./api/airline.ts";

export interface Made {
  booking: Booking;
  traceId: string;
  madeAt: number;
}

const made = new Map<string, Made>();

export const bookingsMade = {
  /** It was cancelled; what was made of it meanwhile is no news any more. */
  drop: (number: string) => void made.delete(number),
  add: (entry: Made) => void made.set(entry.booking.booking_number, entry),
  get: (number: string) => made.get(number),
  forget: () => made.clear(),
};
