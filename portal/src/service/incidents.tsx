import type { Alarm } from "../api/control-plane.ts";
import type { Moments } from "./moments.ts";
import { incident, span } from "./words.ts";

/** Of those that are over, so many are shown at once. */
const SHOWN = 5;

/** What went wrong: what still does first, then the latest. */
export function Incidents({ alarms, moments }: { alarms: Alarm[]; moments: Moments }) {
  const open = alarms.filter((alarm) => alarm.closed === null);
  const past = alarms.filter((alarm) => alarm.closed !== null);
  return (
    <section class="card" aria-labelledby="incidents">
      <h2 id="incidents">Incidents</h2>
      {open.length === 0 && <p class="calm">None is open.</p>}
      <List alarms={[...open, ...past.slice(0, SHOWN)]} moments={moments} />
      {past.length > SHOWN && (
        <details>
          <summary>{past.length - SHOWN} earlier</summary>
          <List alarms={past.slice(SHOWN)} moments={moments} />
        </details>
      )}
    </section>
  );
}

function List({ alarms, moments }: { alarms: Alarm[]; moments: Moments }) {
  if (alarms.length === 0) return null;
  return (
    <ul class="incidents">
      {alarms.map((alarm) => (
        <li key={alarm.id} class={alarm.closed === null ? "open" : undefined}>
          <span class="when">
            {alarm.closed === null ? (
              <>
                <b>Open</b> since {moments.minute(alarm.opened)}
              </>
            ) : (
              <>
                {moments.minute(alarm.opened)}, over after {span(alarm.closed - alarm.opened)}
              </>
            )}
          </span>
          <span>{incident(alarm)}</span>
        </li>
      ))}
    </ul>
  );
}
