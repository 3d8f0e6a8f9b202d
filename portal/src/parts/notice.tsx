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
  if (!failure) return null;
  if (failure.kind === "offline" && online) {
    return (
      <div class="notice good" role="status">
        You are back online. Try again.
      </div>
    );
  }
  const unsure = ["unreachable", "offline", "unreadable"].includes(failure.kind);
  return (
    <div class="notice bad" role="alert">
      <strong>{failure.message}</strong> {ADVICE[failure.kind]} {unsure && safe}
    </div>
  );
}
