import { useStore } from "../store.ts";
import { actions } from "../trace/actions.ts";
import { TraceLink } from "./trace-link.tsx";

/** What was done in this page, each with its trace. */
export function Activity() {
  const done = useStore(actions);
  if (done.length === 0) return null;
  return (
    <aside class="activity" aria-labelledby="activity-title">
      <h2 id="activity-title">What just happened</h2>
      <p class="hint">Every action is one trace, from this page to the last ledger. Quote its id if something is odd.</p>
      <ol>
        {done.map((action) => (
          <li key={action.traceId} class={action.failed ? "failed" : undefined}>
            <span class="what">{action.name}</span>
            <span class="outcome">
              {action.outcome}, {Math.round(action.durationMs)} ms
            </span>
            <TraceLink traceId={action.traceId} />
          </li>
        ))}
      </ol>
    </aside>
  );
}
