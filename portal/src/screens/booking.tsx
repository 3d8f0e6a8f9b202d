import { useEffect, useRef, useState } from "preact/hooks";

import { airline, type Booking, type Posting } from "../api/airline.ts";
import { act } from "../api/client.ts";
import { Failure } from "../api/problem.ts";
import { bookingsMade } from "../bookings-made.ts";
import { formatDay, formatMoment, formatNumber } from "../format.ts";
import { watchMiles } from "../miles-watch.ts";
import { CancelBooking } from "../parts/cancel-booking.tsx";
import { Ends } from "../parts/ends.tsx";
import { Notice } from "../parts/notice.tsx";
import { RouteMap } from "../parts/route-map.tsx";
import { unexpected } from "../parts/task.ts";
import { TraceLink } from "../parts/trace-link.tsx";
import { useAirports } from "../parts/use-airports.ts";

export function BookingPage({ number }: { number: string }) {
  const made = bookingsMade.get(number);
  const [booking, setBooking] = useState<Booking | undefined>(made?.booking);
  const [cancelledIn, setCancelledIn] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const miles = useMiles(number, booking?.status, setFailure);
  const airports = useAirports();
  const title = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    if (made) return;
    act("look at a booking", (action) => airline.booking(action, number)).then(setBooking, (error) =>
      setFailure(error instanceof Failure ? error : unexpected(error)),
    );
  }, [number]);

  // It was cancelled elsewhere.
  const stale = booking?.status === "confirmed" && miles.posting?.status === "cancelled";
  useEffect(() => {
    if (!stale) return;
    act("look at a booking", (action) => airline.booking(action, number)).then(setBooking, () => undefined);
  }, [stale]);

  // The button that had the focus is gone.
  useEffect(() => {
    if (cancelledIn) title.current?.focus();
  }, [cancelledIn]);

  function onCancelled(booking: Booking, traceId: string) {
    bookingsMade.drop(number);
    setFailure(undefined);
    setBooking(booking);
    setCancelledIn(traceId);
  }

  const [from, to] = booking ? [airports?.find(booking.from_airport), airports?.find(booking.to_airport)] : [];
  const traceId = cancelledIn ?? made?.traceId ?? booking?.trace_id;
  const arrived = miles.posting?.status === "posted";
  return (
    <section class="card">
      <h1 ref={title} tabIndex={-1}>
        {booking?.status === "cancelled" ? "Your booking is cancelled" : made ? "Your flight is booked" : "Booking"}
      </h1>
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
              {booking.cancelled_at && <Fact name="Cancelled">{formatMoment(booking.cancelled_at)}</Fact>}
            </dl>
            <Arrival miles={miles} cancelled={booking.status === "cancelled"} madeAt={made?.madeAt} />
            {booking.status === "confirmed" && <CancelBooking number={number} onCancelled={onCancelled} />}
          </div>
          {from && to && <RouteMap from={from} to={to} arrived={arrived} />}
        </div>
      )}
      {traceId && (
        <p class="its-trace">
          Its trace, from your click to the ledger: <TraceLink traceId={traceId} />
        </p>
      )}
      <p class="onward">
        <a href="#/book">Book another flight</a>
      </p>
    </section>
  );
}

interface Miles {
  state: "waiting" | "late" | "known";
  posting?: Posting;
  at: number;
}

/** What became of a booking's miles, asked anew when the booking is cancelled. */
function useMiles(number: string, status: Booking["status"] | undefined, failed: (failure: Failure) => void): Miles {
  const [miles, setMiles] = useState<Miles>({ state: "waiting", at: 0 });
  useEffect(() => {
    if (!status) return;
    const stop = new AbortController();
    setMiles({ state: "waiting", at: 0 });
    watchMiles(number, status === "cancelled", stop.signal).then(
      (posting) => !stop.signal.aborted && setMiles(posting ? { state: "known", posting, at: Date.now() } : { state: "late", at: 0 }),
      (error) => !stop.signal.aborted && failed(error instanceof Failure ? error : unexpected(error)),
    );
    return () => stop.abort();
  }, [number, status]);
  return miles;
}

const WORDS = {
  earned: {
    waiting: "The miles are on their way…",
    late: "The miles take longer than usual. They will be under Miles when they arrive.",
  },
  cancelled: {
    waiting: "The miles are being taken back…",
    late: "Taking the miles back takes longer than usual. Miles will show it when it is done.",
  },
};

function Arrival({ miles, cancelled, madeAt }: { miles: Miles; cancelled: boolean; madeAt: number | undefined }) {
  const { state, posting, at } = miles;
  const here = posting?.status === "posted";
  return (
    <p class={here ? "arrival here" : "arrival"} role="status">
      {state !== "known" && WORDS[cancelled ? "cancelled" : "earned"][state]}
      {posting?.status === "cancelled" && "It earns no miles: those it had earned were taken back."}
      {here && (
        <>
          <strong>{formatNumber(posting.miles ?? 0)} miles</strong> have arrived
          {madeAt !== undefined && `, ${((at - madeAt) / 1000).toFixed(1)} s after the booking`}.
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
