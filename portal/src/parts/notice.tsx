import type { Failure } from "../api/problem.ts";
import { useOnline } from "./online.ts";

const ADVICE = {
  offline: "What you typed stays here. Try again when you are back online.",
  unreachable: "Try again in a moment.",
  unreadable: "Try again in a moment.",
  expired: "Sign in again to go on.",
  refused: "",
};

/** Why it did not work. `safe` says what a second try would do. */
export function Notice({ failure, safe }: { failure: Failure | undefined; safe?: string }) {
  const online = useOnline();
  // Being offline is over: nothing is wrong any more.
  if (!failure || (failure.kind === "offline" && online)) return null;
  const unsure = ["unreachable", "offline", "unreadable"].includes(failure.kind);
  return (
    <div class="notice bad" role="alert">
      <strong>{failure.message}</strong> {ADVICE[failure.kind]} {unsure && safe}
    </div>
  );
}
