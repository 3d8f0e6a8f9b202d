import { useState } from "preact/hooks";

import { airline, type Booking } from "../api/airline.ts";
import { formatDay } from "../format.ts";
import { More, useList } from "../parts/list.tsx";
import { Notice } from "../parts/notice.tsx";
import { placeName } from "../parts/place.ts";
import { useAirports } from "../parts/use-airports.ts";

export function Bookings() {
  const airports = useAirports();
  const [bookings, setBookings] = useState<Booking[]>([]);
  const list = useList("list my bookings", async (action, cursor) => {
    const page = await airline.bookings(action, cursor);
    setBookings((before) => (cursor ? [...before, ...page.bookings] : page.bookings));
    return page.next_cursor;
  });
  return (
    <section class="card">
      <h1 tabIndex={-1}>My bookings</h1>
      <Notice failure={list.failure} />
      {list.loaded && bookings.length === 0 && (
        <p>
          None yet. <a href="#/book">Book a flight</a>
        </p>
      )}
      <ul class="tickets" aria-busy={list.busy}>
        {bookings.map((booking) => (
          <li key={booking.booking_number} class={booking.status}>
            <a href={`#/bookings/${booking.booking_number}`}>
              <span class="route">
                <b>{booking.from_airport}</b> <span aria-hidden="true">→</span> <b>{booking.to_airport}</b>
              </span>
              <span class="places">
                {placeName(airports, booking.from_airport)} to {placeName(airports, booking.to_airport)}
              </span>
              <span class="when">
                {formatDay(booking.departure_date)} {booking.status === "cancelled" && <b class="cancelled">cancelled</b>}
              </span>
              <span class="passenger">{booking.passenger_name}</span>
              <code>{booking.booking_number}</code>
            </a>
          </li>
        ))}
      </ul>
      <More list={list} />
    </section>
  );
}
