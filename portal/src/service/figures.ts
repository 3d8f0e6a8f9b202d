// What the page shows, asked for all at once, and as one trace.
import { useEffect, useRef, useState } from "preact/hooks";

import { act } from "../api/client.ts";
import { controlPlane, type Cost, type Period, type Tenant, type TraceLine, type TurnedAway } from "../api/control-plane.ts";
import { Failure } from "../api/problem.ts";
import { unexpected } from "../parts/task.ts";
import { monthOf, periodOf, type Choice } from "./period.ts";

const LOOK = "look at the service";
/** Traces in a list. */
const SHOWN = 10;

export interface Figures {
  choice: Choice;
  period: Period;
  month: Period;
  /** Undefined where no request has ever been seen. */
  tenant: Tenant | undefined;
  failed: TraceLine[];
  slowest: TraceLine[];
  /** Undefined where it could not be had; the rest of the page is there without it. */
  turnedAway: TurnedAway | undefined;
  cost: Cost;
}

interface State {
  busy: boolean;
  figures?: Figures;
  failure?: Failure;
}

/** The figures of the last choice; those before it stay until they are here, and where they cannot be had. */
export function useFigures(tenant: string, choice: Choice): State & { refresh(): void } {
  const [state, setState] = useState<State>({ busy: true });
  const asked = useRef(0);

  async function load() {
    const turn = (asked.current += 1);
    setState(({ figures }) => ({ busy: true, ...(figures && { figures }) }));
    const outcome = await ask(tenant, choice, Date.now()).then(
      (figures) => ({ figures }),
      (error: unknown) => ({ failure: error instanceof Failure ? error : unexpected(error) }),
    );
    if (turn === asked.current) setState((before) => ({ ...before, ...outcome, busy: false }));
  }

  useEffect(() => {
    void load();
    return () => void (asked.current += 1);
  }, [tenant, choice]);
  return { ...state, refresh: () => void (state.busy || load()) };
}

function ask(id: string, choice: Choice, now: number): Promise<Figures> {
  const [period, month] = [periodOf(choice, now), monthOf(now)];
  return act(LOOK, async (action) => {
    const [tenant, failed, slowest, turnedAway, cost] = await Promise.all([
      controlPlane.tenant(action, id, period),
      controlPlane.traces(action, period, { status: "fault", order: "newest" }),
      controlPlane.traces(action, period, { order: "slowest" }),
      controlPlane.turnedAway(action, period).catch(() => undefined),
      controlPlane.cost(action, month),
    ]);
    return { choice, period, month, tenant, failed: others(failed), slowest: others(slowest), turnedAway, cost };
  });
}

/** Looking at this page leaves traces too, which are not what one looks for. */
function others(traces: TraceLine[]): TraceLine[] {
  return traces.filter((trace) => trace.root !== LOOK).slice(0, SHOWN);
}
