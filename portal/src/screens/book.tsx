import { useEffect, useState } from "preact/hooks";

import { airline, type BookingWish } from "../api/airline.ts";
import { act } from "../api/client.ts";
import { bookingsMade } from "../bookings-made.ts";
import { currentDraft, forgetDraft, wishOf, type Draft } from "../draft.ts";
import { dayFrom, formatNumber } from "../format.ts";
import { AirportField } from "../parts/airport-field.tsx";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { RouteMap } from "../parts/route-map.tsx";
import { Submit } from "../parts/submit.tsx";
import { useTask } from "../parts/task.ts";
import { useAirports } from "../parts/use-airports.ts";
import { World } from "../parts/world.tsx";
import { useWrongFields } from "../parts/wrong-fields.ts";
import { go } from "../router.ts";

const DAYS_AHEAD = 361;

export function Book() {
  const draft = currentDraft();
  const airports = useAirports();
  const task = useTask();
  const wrong = useWrongFields(task.failure);
  const wish = wishOf(draft, airports);
  const [from, to] = [airports?.find(wish.from_airport), airports?.find(wish.to_airport)];
  const now = Date.now();

  function change(field: keyof BookingWish, part: Partial<Draft>) {
    Object.assign(draft, part);
    wrong.change(field);
  }

  return (
    <div class="columns">
      <section class="card">
        <h1 tabIndex={-1}>Book a flight</h1>
        <form
          ref={wrong.form}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void task.run(() => book(draft, wish));
          }}
        >
          <Notice failure={wrong.failure} safe="If the first try went through after all, the second finds that booking: it is made once." />
          <AirportField
            label="From"
            name="from_airport"
            airports={airports}
            text={draft.from}
            onText={(from) => change("from_airport", { from })}
            error={wrong.errorOf("from_airport")}
          />
          <AirportField
            label="To"
            name="to_airport"
            airports={airports}
            text={draft.to}
            onText={(to) => change("to_airport", { to })}
            error={wrong.errorOf("to_airport")}
          />
          <Field
            label="Departure"
            name="departure_date"
            type="date"
            min={dayFrom(now, 0)}
            max={dayFrom(now, DAYS_AHEAD)}
            value={draft.date}
            onText={(date) => change("departure_date", { date })}
            error={wrong.errorOf("departure_date")}
          />
          <Field
            label="Passenger"
            name="passenger_name"
            autocomplete="name"
            value={draft.passenger}
            onText={(passenger) => change("passenger_name", { passenger })}
            error={wrong.errorOf("passenger_name")}
          />
          <Submit busy={task.busy} during="Booking…">
            Book
          </Submit>
        </form>
      </section>
      {from && to && from !== to ? (
        <section class="card preview" aria-label="Route">
          <RouteMap from={from} to={to} arrived={false} />
          <Quote key={`${from.code}-${to.code}`} from={from.code} to={to.code} />
        </section>
      ) : (
        <section class="card preview empty" aria-hidden="true">
          <World />
          <p>Choose two airports to see the route and its miles.</p>
        </section>
      )}
    </div>
  );
}

async function book(draft: Draft, wish: BookingWish): Promise<void> {
  await act("book a flight", async (action) => {
    const booking = await airline.book(action, wish, draft.key.of(wish));
    draft.key.done();
    bookingsMade.add({ booking, traceId: action.traceId, madeAt: Date.now() });
    forgetDraft();
    go(`#/bookings/${booking.booking_number}`);
  });
}

/** What the route would earn: asked of the other account while the user looks on. Without an answer nothing is lost. */
function Quote({ from, to }: { from: string; to: string }) {
  const [miles, setMiles] = useState<number>();
  useEffect(() => {
    act("ask for a quote", (action) => airline.quote(action, from, to)).then(
      (quote) => setMiles(quote.miles),
      () => undefined,
    );
  }, [from, to]);
  return (
    <p class="quote" role="status">
      {miles === undefined ? "\u00a0" : `Earns ${formatNumber(miles)} miles`}
    </p>
  );
}
