import type { SloStatus } from "../api/control-plane.ts";
import type { Moments } from "./moments.ts";
import { failures, isKept, percent, promises } from "./words.ts";

/** What was promised, whether it is kept, and how much may still fail. */
export function Promises({ status, moments }: { status: SloStatus | undefined; moments: Moments }) {
  return (
    <section class="card" aria-labelledby="promises">
      <h2 id="promises">What was promised</h2>
      {status ? <Judged status={status} moments={moments} /> : <p>Nothing has been judged yet. That takes up to five minutes after the first request.</p>}
    </section>
  );
}

function Judged({ status, moments }: { status: SloStatus; moments: Moments }) {
  const { budget, at } = status.evaluation;
  const { used, left } = failures(status);
  return (
    <>
      <p class="hint">
        Tier <b>{status.tier}</b>, over the last 30 days until {moments.minute(at)}.
      </p>
      <ul class="promises">
        {promises(status).map((promised) => (
          <li key={promised.what} class={isKept(promised) ? "kept" : "broken"}>
            <h3>{promised.what}</h3>
            <p>
              <strong>{promised.share === undefined ? "–" : percent(promised.share)}</strong> promised {percent(promised.target)}
            </p>
            <p class="verdict">{promised.share === undefined ? "No requests in 30 days" : isKept(promised) ? "Kept" : "Not kept"}</p>
          </li>
        ))}
        <li class={budget.consumed <= budget.allowed ? "kept" : "broken"}>
          <h3>Failures used</h3>
          <p>
            <strong>{used}</strong>
          </p>
          <svg class="used" aria-hidden="true">
            <rect width="100%" height="100%" />
            <rect class="part" width={`${(100 * Math.min(1, budget.consumed / (budget.allowed || 1))).toFixed(2)}%`} height="100%" />
          </svg>
          <p class="verdict">{left}</p>
        </li>
      </ul>
    </>
  );
}
