// What the control plane tells a tenant's admins of their tenant: docs/control-plane.openapi.yaml.
import type { Action } from "./client.ts";
import { Failure } from "./problem.ts";

/** Figures of a stretch of time; those that need a request are null without one. Durations are nanoseconds, rates shares of 1. */
export interface Summary {
  /** Requests that those seen stand for. */
  weight: number;
  error_rate: number | null;
  p50_ns: number | null;
  p95_ns: number | null;
  p99_ns: number | null;
}

/** How the tenant fares against what was promised, over 30 days. */
export interface SloStatus {
  tier: string;
  evaluation: {
    /** Unix seconds. */
    at: number;
    objectives: { availability: { target: number }; latency: { target: number; within_ms: number } };
    /** Failures: those that were allowed, and those that there were. */
    budget: { requests: number; allowed: number; consumed: number };
    /** Share of requests that were as quick as promised. */
    quick: number | null;
  };
}

export interface Alarm {
  id: string;
  condition: string;
  value: number;
  requests: number;
  failed: number;
  /** Unix seconds. */
  opened: number;
  closed: number | null;
  summary: string;
}

export interface Point {
  /** Unix seconds. */
  start: number;
  summary: Summary;
}

export interface Tenant {
  /** Null where nothing is promised, or was judged yet. */
  now: SloStatus | null;
  /** Seconds from one point to the next. */
  width: number;
  points: Point[];
  alerts: Alarm[];
}

export interface TraceLine {
  trace_id: string;
  /** Name of its first span. */
  root: string;
  root_service: string;
  start_unix_ns: number;
  duration_ns: number;
}

export interface Share {
  requests: number;
  seconds: number;
  /** Money, in millionths and in hundredths of the currency; null where no prices are configured. */
  micros: number | null;
  cents: number | null;
  /** Whether there may have been more. */
  estimated: boolean;
}

export interface Cost {
  currency: string | null;
  total: Share;
  services: (Share & { service: string })[];
}

/** Requests of one user that one operation refused for one reason. */
export interface Refused {
  /** The user's id; null where no span says it. */
  user: string | null;
  account: string | null;
  service: string;
  operation: string;
  status: number;
  /** The code of the problem; the status, of a service that says none. */
  reason: string;
  requests: number;
  last_unix_ns: number;
  /** The newest first. */
  trace_ids: string[];
}

/** Requests of the tenant that were refused once it had been verified, those with the most first. */
export interface TurnedAway {
  requests: number;
  /** Whether there are more lines. */
  more: boolean;
  lines: Refused[];
}

/** Unix seconds, the end not included. */
export interface Period {
  from: number;
  to: number;
}

/** As many as one asks for, to show fewer. */
const TRACES = "50";

const query = ({ from, to }: Period) => ({ from: String(from), to: String(to) });

export const controlPlane = {
  /** Undefined where no request of the tenant has ever been seen. */
  tenant: (action: Action, id: string, period: Period) =>
    action
      .call<Tenant>({ api: "control-plane", route: "/api/tenants/{id}", path: `/api/tenants/${encodeURIComponent(id)}`, query: query(period) })
      .catch((error: unknown) => {
        if (error instanceof Failure && error.problem?.status === 404) return undefined;
        throw error;
      }),
  traces: (action: Action, period: Period, which: { status?: "fault"; order: "newest" | "slowest" }) =>
    action
      .call<{ traces: TraceLine[] }>({ api: "control-plane", route: "/api/traces", query: { ...query(period), ...which, limit: TRACES } })
      .then(({ traces }) => traces),
  turnedAway: (action: Action, period: Period) => action.call<TurnedAway>({ api: "control-plane", route: "/api/turned-away", query: query(period) }),
  cost: (action: Action, period: Period) => action.call<Cost>({ api: "control-plane", route: "/api/cost", query: query(period) }),
};
