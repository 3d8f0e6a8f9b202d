import type { Point, Summary } from "../api/control-plane.ts";
import { Chart, type Line } from "./chart.tsx";
import type { Figures } from "./figures.ts";
import type { Moments } from "./moments.ts";
import { axisOf, DAY } from "./period.ts";
import { count, duration, percent, span } from "./words.ts";

const failedOf = ({ error_rate, weight }: Summary) => (error_rate ?? 0) * weight;
const within = (ns: number | null) => (ns === null ? "–" : duration(ns));

/** The columns of the figures behind the charts. */
const COLUMNS: [head: string, figure: (summary: Summary) => string][] = [
  ["Requests", (summary) => count(summary.weight)],
  ["Failed", (summary) => count(failedOf(summary))],
  ["Half within", (summary) => within(summary.p50_ns)],
  ["95 of 100 within", (summary) => within(summary.p95_ns)],
  ["99 of 100 within", (summary) => within(summary.p99_ns)],
];

/** Requests, failures and how long answers took, over the time that was chosen. */
export function OverTime({ figures, moments, zone }: { figures: Figures; moments: Moments; zone: string }) {
  const { tenant, period, choice } = figures;
  return (
    <section class="card" aria-labelledby="over-time">
      <h2 id="over-time">Requests in {choice.said}</h2>
      {!tenant && <p>No requests yet. What your users do in the portal is shown here as soon as they do it.</p>}
      {tenant && tenant.points.length === 0 && <p>No requests in this time.</p>}
      {tenant && tenant.points.length > 0 && (
        <Charts
          points={tenant.points}
          axis={axisOf(period, tenant.width, choice, zone)}
          promised={tenant.now?.evaluation.objectives.latency}
          moments={moments}
        />
      )}
    </section>
  );
}

interface ChartsProps {
  points: Point[];
  axis: ReturnType<typeof axisOf>;
  promised: { target: number; within_ms: number } | undefined;
  moments: Moments;
}

function Charts({ points, axis, promised, moments }: ChartsProps) {
  const width = axis.width;
  const each = width === DAY ? "day" : width === 3_600 ? "hour" : width === 60 ? "minute" : span(width);
  const highest = (values: Map<number, number>) => Math.max(0, ...values.values());
  const of = (value: (summary: Summary) => number | null) => {
    const known = points.flatMap(({ start, summary }) => {
      const number = value(summary);
      return number === null ? [] : [[start, number] as const];
    });
    return new Map(known);
  };
  const requests = points.reduce((sum, { summary }) => sum + summary.weight, 0);
  const failed = points.reduce((sum, { summary }) => sum + failedOf(summary), 0);
  const stretchText = (start: number) => moments.stretch(start, width);
  const common = { axis, stretchText, markText: (at: number) => moments.mark(at, width) };
  const took: Line[] = [
    { name: "half of the answers", values: of((summary) => summary.p50_ns), class: "half" },
    { name: "99 of 100 answers", values: of((summary) => summary.p99_ns), class: "most" },
  ];
  return (
    <>
      <p class="totals">
        <strong>{count(requests)}</strong> requests, <strong>{count(failed)}</strong> failed
        {requests > 0 && ` (${percent(failed / requests)})`}.
      </p>
      <div class="charts">
        <Chart
          {...common}
          title={`Requests per ${each}`}
          summary={`${count(requests)} in all; at most ${count(highest(of((summary) => summary.weight)))}.`}
          value={count}
          lines={[{ name: "requests", values: of((summary) => summary.weight), class: "requests" }]}
        />
        <Chart
          {...common}
          title={`Failed requests per ${each}`}
          summary={`${count(failed)} in all; at most ${count(highest(of(failedOf)))}.`}
          value={count}
          lines={[{ name: "failed", values: of((summary) => failedOf(summary) || null), class: "failed" }]}
        />
        <Chart
          {...common}
          title="How long answers took, at most"
          summary={took.map((line) => `${line.name} up to ${duration(highest(line.values))}`).join(", ") + "."}
          value={(ns) => (ns === 0 ? "0" : duration(ns))}
          lines={took}
          limit={promised && { name: `promised for ${percent(promised.target)}`, value: promised.within_ms * 1e6 }}
        />
      </div>
      <details>
        <summary>The figures behind the charts</summary>
        <div class="scroll listed" tabIndex={0} role="region" aria-label="Requests over time">
          <table>
            <caption class="hint">
              Each line is one {each} of {stretchText(axis.from)} to {stretchText(axis.to)}; those without requests are left out.
            </caption>
            <thead>
              <tr>
                <th scope="col">From</th>
                {COLUMNS.map(([head]) => (
                  <th key={head} scope="col" class="number">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {points.map(({ start, summary }) => (
                <tr key={start}>
                  <th scope="row">{stretchText(start)}</th>
                  {COLUMNS.map(([head, figure]) => (
                    <td key={head} class="number" data-head={head}>
                      {figure(summary)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}
