import { useEffect, useState } from "preact/hooks";

import { act, type Action } from "../api/client.ts";
import type { Failure } from "../api/problem.ts";
import { useOnline } from "./online.ts";
import { useTask } from "./task.ts";

export interface List {
  busy: boolean;
  loaded: boolean;
  failure: Failure | undefined;
  next: string | undefined;
  load(cursor?: string): void;
}

/** A list that comes in pages: the first at once, others when asked for. `fetchPage` returns the next page's cursor. */
export function useList(name: string, fetchPage: (action: Action, cursor?: string) => Promise<string | undefined>): List {
  const task = useTask();
  const [next, setNext] = useState<string>();
  const [loaded, setLoaded] = useState(false);
  const load = (cursor?: string) =>
    void task.run(() =>
      act(name, async (action) => {
        setNext(await fetchPage(action, cursor));
        setLoaded(true);
      }),
    );
  useEffect(() => load(), []);
  const online = useOnline();
  useEffect(() => {
    if (online && task.failure?.kind === "offline") load(next);
  }, [online]);
  return { busy: task.busy, loaded, failure: task.failure, next, load };
}

export function More({ list }: { list: List }) {
  if (list.failure) {
    return (
      <button type="button" onClick={() => list.load(list.next)}>
        Try again
      </button>
    );
  }
  if (!list.loaded) return <p class="hint">Loading…</p>;
  if (!list.next) return null;
  return (
    <button type="button" aria-disabled={list.busy} onClick={() => list.load(list.next)}>
      Show more
    </button>
  );
}
