import { retrying } from "../api/client.ts";
import { useStore } from "../store.ts";

/** A button that stays focusable while its form is busy, so that the keyboard does not lose its place. */
export function Submit({ busy, children, during }: { busy: boolean; children: string; during: string }) {
  const again = useStore(retrying);
  return (
    <button type="submit" class="primary" aria-disabled={busy}>
      {busy ? (again ? "No answer yet, trying again…" : during) : children}
    </button>
  );
}
