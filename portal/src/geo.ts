/** Longitude and latitude in degrees. Longitudes may leave ±180, so that a route is one line. */
export type Point = readonly [longitude: number, latitude: number];

const RADIANS = Math.PI / 180;

/** Points along the great circle between two places, each longitude near the one before. */
export function greatCircle(from: Point, to: Point, steps = 64): Point[] {
  const [a, b] = [vector(from), vector(to)];
  const angle = Math.acos(Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  if (Math.sin(angle) < 1e-6) return [from, to];
  const points: Point[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const [p, q] = [Math.sin((1 - step / steps) * angle), Math.sin((step / steps) * angle)].map((s) => s / Math.sin(angle)) as [number, number];
    const [x, y, z] = [0, 1, 2].map((i) => p * a[i]! + q * b[i]!) as [number, number, number];
    const longitude = Math.atan2(y, x) / RADIANS;
    const latitude = Math.atan2(z, Math.hypot(x, y)) / RADIANS;
    points.push([near(longitude, points.at(-1)?.[0] ?? from[0]), latitude]);
  }
  return points;
}

function vector([longitude, latitude]: Point): [number, number, number] {
  const [l, p] = [longitude * RADIANS, latitude * RADIANS];
  return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
}

/** The same meridian, by the name that is nearest to `to`. */
function near(longitude: number, to: number): number {
  return longitude + 360 * Math.round((to - longitude) / 360);
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What to show of the world, twice as wide as high, in degrees with y down. */
export function frame(points: Point[], smallest = 50): Box {
  const xs = points.map(([longitude]) => longitude);
  const ys = points.map(([, latitude]) => -latitude);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const width = Math.min(360, Math.max(smallest, (right - left) * 1.4, (bottom - top) * 1.4 * 2));
  const height = width / 2;
  const y = Math.min(90 - height, Math.max(-90, (top + bottom) / 2 - height / 2));
  return { x: (left + right) / 2 - width / 2, y, width, height };
}
