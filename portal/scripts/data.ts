// Writes what the portal loads when it needs it: airports for the search, and the outline of the land for the map.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { BUSIEST } from "./busiest.ts";

const here = (path: string) => new URL(path, import.meta.url);

function airports(): unknown[] {
  const [header, ...lines] = readFileSync(here("../../shared/iata-airports/data/airports.csv"), "utf8").trimEnd().split("\n");
  if (header !== "iata,name,city,country,lat,lon") throw new Error(`airports.csv has other columns: ${header}`);
  const places = new Map(BUSIEST.map((code, index) => [code, index]));
  const rows = lines.map((line) => {
    const [iata = "", name, city, country, lat, lon] = cells(line);
    const place = places.get(iata);
    places.delete(iata);
    const row = [iata, name, city, country, round(lat, 1), round(lon, 1)];
    return place === undefined ? row : [...row, place];
  });
  if (places.size > 0) throw new Error(`airports.csv lacks ${[...places.keys()].join(", ")}`);
  return rows;
}

/** One line of CSV; a cell with a comma is quoted. */
function cells(line: string): string[] {
  return [...line.matchAll(/("((?:[^"]|"")*)"|[^,]*)(?:,|$)/g)].slice(0, 6).map((cell) => cell[2]?.replaceAll('""', '"') ?? cell[1] ?? "");
}

function round(text: string | number | undefined, digits: number): number {
  const value = Number(Number(text).toFixed(digits));
  if (!Number.isFinite(value)) throw new Error(`not a number: ${text}`);
  return value;
}

type Point = readonly [longitude: number, minusLatitude: number];

interface Topology {
  transform: { scale: [number, number]; translate: [number, number] };
  arcs: [number, number][][];
  objects: { land: { geometries: { arcs: number[][][] }[] } };
}

/** The land as an SVG path in degrees, north up: y is minus the latitude. */
function land(): string {
  const topology: Topology = JSON.parse(readFileSync(here("../node_modules/world-atlas/land-110m.json"), "utf8"));
  const { scale, translate } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], -((y += dy) * scale[1] + translate[1])] as Point);
  });
  const points = (index: number) => (index < 0 ? arcs[~index]!.toReversed() : arcs[index]!);
  const rings = topology.objects.land.geometries.flatMap((geometry) => geometry.arcs.flat());
  return rings.map((ring) => outline(unwound(ring.flatMap(points)))).join("");
}

/** Over the date line a ring goes on beyond ±180 instead of jumping back. */
function unwound(ring: Point[]): Point[] {
  let turns = 0;
  return ring.map(([x, y], index) => {
    turns -= Math.round((x - (ring[index - 1]?.[0] ?? x)) / 360);
    return [x + 360 * turns, y];
  });
}

function outline(ring: Point[]): string {
  const [first, last] = [ring[0]!, ring.at(-1)!];
  const path = `M${ring.map(([x, y]) => `${round(x, 1)} ${round(y, 1)}`).join(" ")}`;
  // Around the south pole: closed below the map.
  return Math.abs(first[0] - last[0]) > 180 ? `${path}V95H${round(first[0], 1)}Z` : `${path}Z`;
}

mkdirSync(here("../src/data/"), { recursive: true });
writeFileSync(here("../src/data/airports.json"), JSON.stringify(airports()));
writeFileSync(here("../src/data/land.json"), JSON.stringify(land()));
