import { useEffect, useRef, useState } from "preact/hooks";

import type { Failure } from "../api/problem.ts";

/** What is wrong with a form's fields: the first gets the focus, and one that is changed is no longer marked. */
export function useWrongFields(failure: Failure | undefined) {
  const form = useRef<HTMLFormElement>(null);
  const [changed, setChanged] = useState<{ since: Failure | undefined; names: string[] }>({ since: undefined, names: [] });
  const names = changed.since === failure ? changed.names : [];
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [failure]);
  return {
    form,
    errorOf: (name: string) => (names.includes(name) ? undefined : failure?.fields[name]),
    change: (name: string) => setChanged({ since: failure, names: names.includes(name) ? names : [...names, name] }),
  };
}
