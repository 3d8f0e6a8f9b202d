import { useEffect, useState } from "preact/hooks";

import { loadAirports, type Airports } from "../airports.ts";

/** The airports, once they are here. Without them a code can still be typed. */
export function useAirports(): Airports | undefined {
  const [airports, setAirports] = useState<Airports>();
  useEffect(() => {
    loadAirports().then(setAirports, () => undefined);
  }, []);
  return airports;
}
