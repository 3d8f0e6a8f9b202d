import { useEffect, useState } from "preact/hooks";

import type { Airport } from "../airports.ts";
import { frame, greatCircle, type Point } from "../geo.ts";

const GRATICULE = graticule();
/** The land once more to the left and right: a route may cross the date line. */
const WORLDS = [-360, 0, 360];

/** A route on the world: the great circle that its miles are measured along. */
export function RouteMap({ from, to, arrived }: { from: Airport; to: Airport; arrived: boolean }) {
  const points = greatCircle([from.longitude, from.latitude], [to.longitude, to.latitude]);
  const box = frame(points);
  const unit = box.width / 100;
  const [start, end] = [points[0]!, points.at(-1)!];
  return (
    <svg class={arrived ? "map arrived" : "map"} viewBox={`${box.x} ${box.y} ${box.width} ${box.height}`} role="img">
      <title>{`Map of the route from ${from.city || from.name} to ${to.city || to.name}`}</title>
      <Land />
      <path class="route" d={line(points)} pathLength={1} stroke-width={unit / 2} />
      {[start, end].map((point, index) => (
        <circle key={index} class="stop" cx={point[0]} cy={-point[1]} r={unit} />
      ))}
      <Label point={start} code={from.code} unit={unit} left={start[0] < end[0]} />
      <Label point={end} code={to.code} unit={unit} left={end[0] <= start[0]} />
    </svg>
  );
}

function Label({ point, code, unit, left }: { point: Point; code: string; unit: number; left: boolean }) {
  return (
    <text x={point[0] + (left ? -2 : 2) * unit} y={-point[1] + 1.2 * unit} font-size={3.4 * unit} text-anchor={left ? "end" : "start"}>
      {code}
    </text>
  );
}

export function line(points: Point[]): string {
  return `M${points.map(([x, y]) => `${x.toFixed(2)} ${(-y).toFixed(2)}`).join("L")}`;
}

function graticule(): string {
  const meridians = Array.from({ length: 24 }, (_, i) => `M${i * 15 - 180} -90V90`);
  const parallels = Array.from({ length: 11 }, (_, i) => `M-180 ${i * 15 - 75}H180`);
  return [...meridians, ...parallels].join("");
}

/** Land and graticule. */
export function Land() {
  const land = useLand();
  return WORLDS.map((offset) => (
    <g key={offset} transform={`translate(${offset} 0)`}>
      <path class="graticule" d={GRATICULE} />
      <path class="land" d={land} />
    </g>
  ));
}

function useLand(): string {
  const [land, setLand] = useState("");
  useEffect(() => {
    // Without the land there is still the graticule.
    import("../data/land.json").then(({ default: path }) => setLand(path), () => undefined);
  }, []);
  return land;
}
