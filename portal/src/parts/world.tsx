import { greatCircle, type Point } from "../geo.ts";
import { Land, line } from "./route-map.tsx";

const ROUTES: [Point, Point][] = [
  [[-0.5, 51.5], [-73.8, 40.6]],
  [[8.6, 50], [104, 1.4]],
  [[2.5, 49], [140.4, 35.8]],
  [[-46.5, -23.4], [-0.5, 51.5]],
  [[-118.4, 33.9], [-73.8, 40.6]],
  [[55.4, 25.3], [151.2, -33.9]],
  [[55.4, 25.3], [28.2, -26.1]],
];

/** The world and some routes, to look at. */
export function World() {
  return (
    <svg class="world" viewBox="-150 -76 330 140" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <Land />
      {ROUTES.map(([from, to]) => (
        <g key={`${from}-${to}`}>
          <path class="route" d={line(greatCircle(from, to))} />
          {[from, to].map(([x, y]) => (
            <circle key={x} class="stop" cx={x} cy={-y} r={1.1} />
          ))}
        </g>
      ))}
    </svg>
  );
}
