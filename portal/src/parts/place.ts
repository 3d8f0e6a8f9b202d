import type { Airports } from "../airports.ts";

export function placeName(airports: Airports | undefined, code: string): string {
  const airport = airports?.find(code);
  return airport ? airport.city || airport.name : code;
}
