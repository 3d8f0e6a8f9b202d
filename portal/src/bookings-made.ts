// What this page knows of bookings it has made: the API does not repeat a booking's trace later.
import type { Booking } from "./api/airline.ts";

export interface Made {
  booking: Booking;
  traceId: string;
  madeAt: number;
}

const made = new Map<string, Made>();

export const bookingsMade = {
  add: (entry: Made) => void made.set(entry.booking.booking_number, entry),
  get: (number: string) => made.get(number),
  forget: () => made.clear(),
};
