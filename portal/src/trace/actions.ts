import { createStore } from "../store.ts";

/** What the user did, and the trace that tells what came of it. */
export interface DoneAction {
  traceId: string;
  name: string;
  outcome: string;
  failed: boolean;
  durationMs: number;
}

const KEPT = 8;

/** The last few actions, newest first. */
export const actions = createStore<DoneAction[]>([]);

export function record(action: DoneAction): void {
  actions.set([action, ...actions.get()].slice(0, KEPT));
}
