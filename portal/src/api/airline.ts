// What the two APIs offer.
import type { Action } from "./client.ts";

export interface BookingWish {
  from_airport: string;
  to_airport: string;
  departure_date: string;
  passenger_name: string;
}

export interface Booking extends BookingWish {
  booking_number: string;
  created_at: string;
  status: "confirmed" | "cancelled";
  /** Once it is cancelled. */
  cancelled_at?: string;
  /** The trace in which it was made. */
  trace_id?: string;
}

export interface BookingPage {
  bookings: Booking[];
  next_cursor?: string;
}

export interface Posting {
  booking_number: string;
  status: "pending" | "posted" | "cancelled";
  miles?: number;
}

export interface Entry {
  booking_number: string;
  /** What was taken back has miles below zero. */
  kind: "earned" | "taken_back";
  from_airport: string;
  to_airport: string;
  departure_date: string;
  miles: number;
  created_at: string;
}

export interface Balance {
  miles: number;
  bookings: number;
  history: Entry[];
  next_cursor?: string;
}

const page = (cursor?: string): Record<string, string> => (cursor ? { cursor } : {});

export const airline = {
  book: (action: Action, wish: BookingWish, idempotencyKey: string) =>
    action.call<Booking>({
      api: "booking",
      route: "/bookings",
      body: wish,
      idempotencyKey,
      booking: (made) => made.booking_number,
    }),
  booking: (action: Action, number: string) =>
    action.call<Booking>({
      api: "booking",
      route: "/bookings/{number}",
      path: `/bookings/${encodeURIComponent(number)}`,
      booking: number,
    }),
  cancel: (action: Action, number: string) =>
    action.call<Booking>({
      api: "booking",
      route: "/bookings/{number}/cancellation",
      path: `/bookings/${encodeURIComponent(number)}/cancellation`,
      method: "POST",
      booking: number,
    }),
  bookings: (action: Action, cursor?: string) =>
    action.call<BookingPage>({ api: "booking", route: "/bookings", query: page(cursor) }),
  quote: (action: Action, from: string, to: string) =>
    action.call<{ miles: number }>({ api: "booking", route: "/quotes", query: { from, to } }),
  posting: (action: Action, number: string) =>
    action.call<Posting>({
      api: "mileage",
      route: "/mileage/{number}",
      path: `/mileage/${encodeURIComponent(number)}`,
      booking: number,
    }),
  balance: (action: Action, cursor?: string) =>
    action.call<Balance>({ api: "mileage", route: "/mileage", query: page(cursor) }),
  register: (action: Action, body: { company_name: string; email: string }, idempotencyKey: string) =>
    action.call<unknown>({ api: "booking", route: "/registrations", body, idempotencyKey, anonymous: true }),
  invite: (action: Action, body: { email: string }, idempotencyKey: string) =>
    action.call<unknown>({ api: "booking", route: "/invitations", body, idempotencyKey }),
};
