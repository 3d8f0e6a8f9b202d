import type { TraceLine } from "../api/control-plane.ts";
import { useConfig } from "../settings.ts";
import { traceLink } from "../trace/ids.ts";
import type { Moments } from "./moments.ts";
import { duration } from "./words.ts";

interface TracesProps {
  title: string;
  none: string;
  traces: TraceLine[];
  moments: Moments;
}

/** Requests, each with a link to what happened in it. */
export function Traces({ title, none, traces, moments }: TracesProps) {
  const config = useConfig();
  return (
    <section class="card">
      <h2>{title}</h2>
      <p class="hint">{traces.length === 0 ? none : `Each link opens the request's trace in the ${config.trace_link_name}; you may have to sign in there once. The time is from its first step to its last.`}</p>
      {traces.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col" class="number">
                  Took
                </th>
              </tr>
            </thead>
            <tbody>
              {traces.map((trace) => (
                <tr key={trace.trace_id}>
                  <td>{moments.minute(trace.start_unix_ns / 1e9)}</td>
                  <td>
                    <a href={traceLink(config.trace_link, trace.trace_id)} target="_blank" rel="noopener">
                      {trace.root}
                      <span class="unseen">: the trace {trace.trace_id}, in a new tab</span>
                    </a>{" "}
                    <small>{trace.root_service}</small>
                  </td>
                  <td class="number">{duration(trace.duration_ns)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
