import { useState } from "preact/hooks";

import type { Failure } from "../api/problem.ts";
import { Notice } from "../parts/notice.tsx";
import { useFigures } from "../service/figures.ts";
import { Incidents } from "../service/incidents.tsx";
import { Moments } from "../service/moments.ts";
import { CHOICES, localZone, zoneName } from "../service/period.ts";
import { OverTime } from "../service/over-time.tsx";
import { Promises } from "../service/promises.tsx";
import "../service/service.css";
import { Traces } from "../service/traces.tsx";
import { TurnedAway } from "../service/turned-away.tsx";
import { Usage } from "../service/usage.tsx";
import type { User } from "../session/user.ts";

/** What a tenant's admins see of how their tenant is served. */
export function Service({ user }: { user: User }) {
  const [choice, setChoice] = useState(CHOICES[1]!);
  const { busy, figures, failure, refresh } = useFigures(user.tenant, choice);
  const zone = localZone();
  const moments = new Moments(zone);
  return (
    <div class="service" aria-busy={busy}>
      <section class="card head">
        <h1 tabIndex={-1}>Service</h1>
        <div class="controls">
          <fieldset>
            <legend class="unseen">How far back</legend>
            {CHOICES.map((each) => (
              <label key={each.name}>
                <input type="radio" name="window" checked={each === choice} onChange={() => setChoice(each)} /> {each.name}
              </label>
            ))}
          </fieldset>
          <button type="button" aria-disabled={busy} onClick={refresh}>
            Refresh
          </button>
        </div>
        <p class="hint" role="status">
          {busy ? "Loading…" : figures && !failure ? `As of ${moments.second(figures.period.to)}.` : ""}
        </p>
        <p class="hint">
          How <b>{user.company}</b> is served. Times are those of {zoneName(zone, Date.now() / 1000)}; days begin at midnight UTC.
        </p>
        <Notice failure={failure && inPlainWords(failure, user)} safe="Booking and miles go on without it." />
      </section>
      {figures && (
        <>
          <Promises status={figures.tenant?.now ?? undefined} moments={moments} />
          <Incidents alarms={figures.tenant?.alerts ?? []} moments={moments} />
          <OverTime figures={figures} moments={moments} zone={zone} />
          <Usage cost={figures.cost} month={figures.month} moments={moments} />
          <Traces title="Failed requests, the latest first" none="No request failed in this time." traces={figures.failed} moments={moments} />
          <TurnedAway found={figures.turnedAway} user={user} moments={moments} />
          <Traces title="Slowest requests" none="No requests in this time." traces={figures.slowest} moments={moments} />
        </>
      )}
    </div>
  );
}

/** What the control plane's refusals mean to whoever reads this page. */
function inPlainWords(failure: Failure, user: User): Failure {
  const words: Record<number, string> = {
    401: "The control plane does not know your sign-in. Tell those who run this service.",
    403: `This page is for the admins of ${user.company}. Ask one of them what you would like to know.`,
  };
  const said = words[failure.problem?.status ?? 0];
  return said === undefined ? failure : failure.saying(said);
}
