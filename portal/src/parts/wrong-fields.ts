import { useEffect, useRef, useState } from "preact/hooks";

import type { Failure } from "../api/problem.ts";
import { inWords } from "../field-errors.ts";

/** What is wrong with a form's fields: the first gets the focus, and one that is changed is no longer marked. */
export function useWrongFields(failure: Failure | undefined) {
  const form = useRef<HTMLFormElement>(null);
  const [changed, setChanged] = useState<{ since: Failure | undefined; names: string[] }>({ since: undefined, names: [] });
  const names = changed.since === failure ? changed.names : [];
  const wrong = Object.keys(failure?.fields ?? {});
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [failure]);
  return {
    form,
    /** What is still to be said: nothing, once every field that was wrong is another. */
    failure: wrong.length > 0 && wrong.every((name) => names.includes(name)) ? undefined : failure,
    errorOf: (name: string) => {
      const said = names.includes(name) ? undefined : failure?.fields[name];
      return said && inWords(said);
    },
    change: (name: string) => setChanged({ since: failure, names: names.includes(name) ? names : [...names, name] }),
  };
}
