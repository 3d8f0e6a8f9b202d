import { useRef, useState } from "preact/hooks";

import { Failure } from "../api/problem.ts";

/** Something a form does: one at a time, however often it is clicked. */
export interface Task {
  busy: boolean;
  failure: Failure | undefined;
  run(work: () => Promise<void>): Promise<void>;
}

export function useTask(asFailure: (error: unknown) => Failure = unexpected): Task {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const running = useRef(false);
  return {
    busy,
    failure,
    async run(work) {
      if (running.current) return;
      running.current = true;
      setBusy(true);
      setFailure(undefined);
      try {
        await work();
      } catch (error) {
        setFailure(error instanceof Failure ? error : asFailure(error));
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
  };
}

export function unexpected(error: unknown): Failure {
  console.error(error);
  return new Failure("refused", "Something went wrong in this page. Reload it and try again.");
}
