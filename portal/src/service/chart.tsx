import { placeOf, roundUp, type Axis } from "./period.ts";

export interface Line {
  name: string;
  /** Of each stretch by its beginning, Unix seconds. */
  values: Map<number, number>;
  class: string;
}

interface ChartProps {
  title: string;
  /** What there is to see, for those who do not see it. */
  summary: string;
  axis: Axis;
  markText(at: number): string;
  /** Stretches as they are named in the tables. */
  stretchText(start: number): string;
  value(value: number): string;
  /** One is drawn as bars, several as lines; stretches without a value are gaps. */
  lines: Line[];
  limit?: { name: string; value: number } | undefined;
}

const LEVELS = [0, 0.5, 1];
const share = (part: number) => `${(part * 100).toFixed(3)}%`;

/** Figures over time. All lengths are shares of the picture's, so that text keeps its size on whatever screen. */
export function Chart({ title, summary, axis, markText, stretchText, value, lines, limit }: ChartProps) {
  const values = lines.flatMap((line) => [...line.values.values()]);
  const top = roundUp(Math.max(limit?.value ?? 0, ...values));
  const x = (at: number) => share(placeOf(axis, at));
  const y = (number: number) => share(1 - number / top);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {lines.length > 1 && (
          <ul class="key">
            {lines.map((line) => (
              <li key={line.name} class={line.class}>
                {line.name}
              </li>
            ))}
            {limit && <li class="limit">{limit.name}</li>}
          </ul>
        )}
      </figcaption>
      <svg role="img" aria-label={`${title}. ${summary}`}>
        {LEVELS.map((level) => (
          <line key={level} class="level" x1="0" x2="100%" y1={share(1 - level)} y2={share(1 - level)} />
        ))}
        {axis.marks.map((mark) => (
          <line key={mark} class="level" x1={x(mark)} x2={x(mark)} y1="0" y2="100%" />
        ))}
        {lines.length === 1
          ? [...lines[0]!.values].map(([start, number]) => (
              <rect
                key={start}
                class={lines[0]!.class}
                x={x(start + axis.width * 0.1)}
                width={share((axis.width * 0.8) / (axis.to - axis.from))}
                y={y(number)}
                height={share(number / top)}
              >
                <title>{`${stretchText(start)}: ${value(number)}`}</title>
              </rect>
            ))
          : lines.map((line) => <Drawn key={line.name} line={line} axis={axis} x={x} y={y} text={(start, number) => `${stretchText(start)}: ${value(number)}, ${line.name}`} />)}
        {limit && <line class="limit" x1="0" x2="100%" y1={y(limit.value)} y2={y(limit.value)} />}
        {LEVELS.slice(1).map((level) => (
          <text key={level} class="amount" x="0" y={share(1 - level)} dy="-0.3em">
            {value(level * top)}
          </text>
        ))}
        {axis.marks.map((mark) => (
          <text key={mark} x={x(mark)} y="100%" dy="1.3em" text-anchor={anchor(placeOf(axis, mark))}>
            {markText(mark)}
          </text>
        ))}
      </svg>
    </figure>
  );
}

/** So that the first and the last stay within the picture. */
function anchor(place: number): "start" | "middle" | "end" {
  if (place < 0.06) return "start";
  return place > 0.94 ? "end" : "middle";
}

interface DrawnProps {
  line: Line;
  axis: Axis;
  x(at: number): string;
  y(value: number): string;
  text(start: number, value: number): string;
}

/** A dot for each stretch, in its middle, and a line to the next, if that has a value. */
function Drawn({ line, axis, x, y, text }: DrawnProps) {
  const middle = (start: number) => x(start + axis.width / 2);
  return (
    <g class={line.class}>
      {[...line.values].map(([start, number]) => {
        const next = line.values.get(start + axis.width);
        return next === undefined ? null : <line key={start} x1={middle(start)} y1={y(number)} x2={middle(start + axis.width)} y2={y(next)} />;
      })}
      {[...line.values].map(([start, number]) => (
        <circle key={start} cx={middle(start)} cy={y(number)} r="2.5">
          <title>{text(start, number)}</title>
        </circle>
      ))}
    </g>
  );
}
