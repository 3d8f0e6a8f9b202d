import type { Failure } from "../api/problem.ts";

const ADVICE = {
  offline: "What you typed stays here. Try again when you are back online.",
  unreachable: "Try again in a moment.",
  unreadable: "Try again in a moment.",
  expired: "Sign in again to go on.",
  refused: "",
};

/** Why it did not work. `safe` says what a second try would do. */
export function Notice({ failure, safe }: { failure: Failure | undefined; safe?: string }) {
  if (!failure) return null;
  const unsure = ["unreachable", "offline", "unreadable"].includes(failure.kind);
  return (
    <div class="notice bad" role="alert">
      <strong>{failure.message}</strong> {ADVICE[failure.kind]} {unsure && safe}
    </div>
  );
}
