import { useEffect, useState } from "preact/hooks";

import { airline, type Booking } from "../api/airline.ts";
import { act } from "../api/client.ts";
import { Failure } from "../api/problem.ts";
import { bookingsMade } from "../bookings-made.ts";
import { formatDay, formatMoment, formatNumber } from "../format.ts";
import { watchMiles } from "../miles-watch.ts";
import { Ends } from "../parts/ends.tsx";
import { Notice } from "../parts/notice.tsx";
import { RouteMap } from "../parts/route-map.tsx";
import { unexpected } from "../parts/task.ts";
import { TraceLink } from "../parts/trace-link.tsx";
import { useAirports } from "../parts/use-airports.ts";

export function BookingPage({ number }: { number: string }) {
  const made = bookingsMade.get(number);
  const [booking, setBooking] = useState<Booking | undefined>(made?.booking);
  const [failure, setFailure] = useState<Failure>();
  const miles = useMiles(number, booking !== undefined, setFailure);
  const airports = useAirports();

  useEffect(() => {
    if (made) return;
    act("look at a booking", (action) => airline.booking(action, number)).then(setBooking, (error) =>
      setFailure(error instanceof Failure ? error : unexpected(error)),
    );
  }, [number]);

  const [from, to] = booking ? [airports?.find(booking.from_airport), airports?.find(booking.to_airport)] : [];
  return (
    <section class="card">
      <h1 tabIndex={-1}>{made ? "Your flight is booked" : "Booking"}</h1>
      <Notice failure={failure} />
      {booking && (
        <div class="beside">
          <div class="pass">
            <Ends from={booking.from_airport} to={booking.to_airport} airports={airports} />
            <dl class="facts">
              <Fact name="Booking">
                <code>{booking.booking_number}</code>
              </Fact>
              <Fact name="Departure">{formatDay(booking.departure_date)}</Fact>
              <Fact name="Passenger">{booking.passenger_name}</Fact>
              <Fact name="Booked">{formatMoment(booking.created_at)}</Fact>
            </dl>
            <Arrival miles={miles} madeAt={made?.madeAt} />
          </div>
          {from && to && <RouteMap from={from} to={to} arrived={typeof miles.value === "number"} />}
        </div>
      )}
      {made && (
        <p class="its-trace">
          Its trace, from your click to the ledger: <TraceLink traceId={made.traceId} />
        </p>
      )}
      <p class="onward">
        <a href="#/book">Book another flight</a>
      </p>
    </section>
  );
}

interface Arrived {
  value: number | "waiting" | "late";
  at: number;
}

function useMiles(number: string, wanted: boolean, failed: (failure: Failure) => void): Arrived {
  const [miles, setMiles] = useState<Arrived>({ value: "waiting", at: 0 });
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    setMiles({ value: "waiting", at: 0 });
    watchMiles(number, stop.signal).then(
      (value) => !stop.signal.aborted && setMiles({ value: value ?? "late", at: Date.now() }),
      (error) => !stop.signal.aborted && failed(error instanceof Failure ? error : unexpected(error)),
    );
    return () => stop.abort();
  }, [number, wanted]);
  return miles;
}

function Arrival({ miles, madeAt }: { miles: Arrived; madeAt: number | undefined }) {
  return (
    <p class={typeof miles.value === "number" ? "arrival here" : "arrival"} role="status">
      {miles.value === "waiting" && "The miles are on their way…"}
      {miles.value === "late" && "The miles take longer than usual. They will be under Miles when they arrive."}
      {typeof miles.value === "number" && (
        <>
          <strong>{formatNumber(miles.value)} miles</strong> have arrived
          {madeAt !== undefined && `, ${((miles.at - madeAt) / 1000).toFixed(1)} s after the booking`}.
        </>
      )}
    </p>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
