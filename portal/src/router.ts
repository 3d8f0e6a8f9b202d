// Addresses behind `#`: every file that is asked for exists, so no server has to rewrite anything.
import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "book" | "bookings" | "miles" | "register" | "invite" | "service" }
  | { page: "booking"; number: string };

export function parseRoute(hash: string): Route {
  const [page, number] = hash.replace(/^#\/?/, "").split("/");
  switch (page) {
    case "bookings":
      return number ? { page: "booking", number } : { page };
    case "miles":
    case "register":
    case "invite":
    case "service":
      return { page };
    default:
      return { page: "book" };
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

export function go(hash: string): void {
  location.hash = hash;
}
