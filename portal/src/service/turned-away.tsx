import type { Refused, TurnedAway as Found } from "../api/control-plane.ts";
import type { User } from "../session/user.ts";
import { useConfig } from "../settings.ts";
import { traceLink } from "../trace/ids.ts";
import type { Moments } from "./moments.ts";
import { who, why } from "./refusals.ts";
import { count } from "./words.ts";

/** So many lines are shown at once. */
const SHOWN = 10;

interface TurnedAwayProps {
  /** Undefined where it could not be had. */
  found: Found | undefined;
  user: User;
  moments: Moments;
}

/** Requests of the company that were refused: why, whose, and when last. */
export function TurnedAway({ found, user, moments }: TurnedAwayProps) {
  return (
    <section class="card" aria-labelledby="turned-away">
      <h2 id="turned-away">Turned away</h2>
      {found === undefined && <p>The requests that were turned away cannot be shown at the moment. Refresh to ask again.</p>}
      {found?.requests === 0 && <p>No request was turned away in this time.</p>}
      {found !== undefined && found.requests > 0 && (
        <>
          <p class="totals">
            <strong>{count(found.requests)}</strong> {found.requests === 1 ? "request was" : "requests were"} turned away.
          </p>
          <Lines title="Who was turned away" lines={found.lines.slice(0, SHOWN)} user={user} moments={moments} />
          {found.lines.length > SHOWN && (
            <details>
              <summary>{found.lines.length - SHOWN} with fewer requests</summary>
              <Lines title="Who was turned away, with fewer requests" lines={found.lines.slice(SHOWN)} user={user} moments={moments} />
            </details>
          )}
          {found.more && <p class="hint">There are more. These are those with the most requests.</p>}
        </>
      )}
      <p class="hint">
        These are requests of users of <b>{user.company}</b> who had signed in. A request without a valid sign-in is not counted here, because nobody knows whose it is.
      </p>
    </section>
  );
}

interface LinesProps {
  title: string;
  lines: Refused[];
  user: User;
  moments: Moments;
}

function Lines({ title, lines, user, moments }: LinesProps) {
  return (
    <div class="scroll listed" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            <th scope="col">Why</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col">Last</th>
            <th scope="col">User</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={JSON.stringify([line.reason, line.status, line.user, line.account, line.service, line.operation])}>
              <th scope="row">
                {why(line)}
                <span class="beneath">
                  {line.operation}, {line.service}
                </span>
              </th>
              <td class="number" data-head="Requests">
                {count(line.requests)}
              </td>
              <td data-head="Last">
                <Last line={line} moments={moments} />
              </td>
              <td class="user" data-head="User">
                {who(line.user, user.sub)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** When the last of them was, which leads to its trace. */
function Last({ line, moments }: { line: Refused; moments: Moments }) {
  const config = useConfig();
  const at = moments.minute(line.last_unix_ns / 1e9);
  const [latest] = line.trace_ids;
  if (latest === undefined) return <>{at}</>;
  return (
    <a href={traceLink(config.trace_link, latest)} target="_blank" rel="noopener">
      {at}
      <span class="unseen">: the trace {latest}, in a new tab</span>
    </a>
  );
}
