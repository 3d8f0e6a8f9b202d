// One way to call the APIs: traced, with a token, tried again where that is safe.
import type { Config } from "../config.ts";
import { session } from "../session/session.ts";
import { createStore } from "../store.ts";
import { record } from "../trace/actions.ts";
import { traceHeaders, traceIdOf } from "../trace/ids.ts";
import { startAction, type Attributes, type Span } from "../trace/trace.ts";
import { Failure, parseProblem } from "./problem.ts";
import { isWorthAnotherTry, sleep, TRIES, waitMs } from "./retry.ts";

const TIMEOUT_MS = 12_000;

export interface Call<T> {
  api: "booking" | "mileage" | "control-plane";
  /** Such as `/bookings/{number}`: what the span is named after. */
  route: string;
  path?: string;
  query?: Record<string, string>;
  /** With a body the call is a POST. */
  body?: unknown;
  /** For a POST without one. Tried again like every call, so it has to be one that changes nothing a second time. */
  method?: "POST";
  idempotencyKey?: string;
  /** The booking it is about: its number, or where the answer has that. */
  booking?: string | ((answer: T) => string);
  /** For those who have no account yet. */
  anonymous?: boolean;
}

/** A thing the user does: its calls share a trace. */
export interface Action {
  traceId: string;
  call<T>(call: Call<T>): Promise<T>;
}

/** Whether a call waits to be tried again. */
export const retrying = createStore(false);

let config: Config;

export function configureApi(loaded: Config): void {
  config = loaded;
}

/** Runs `work` as one action with one trace, which the page lists when it is done. */
export async function act<T>(name: string, work: (action: Action) => Promise<T>): Promise<T> {
  const begun = performance.now();
  const span = await startAction(name, whoActs(), performance.timeOrigin + begun);
  let traceId = span.ids.traceId;
  let outcome = "done";
  let booking: string | undefined;
  const action: Action = {
    get traceId() {
      return traceId;
    },
    call: (call) =>
      send(call, span, (status, answered, about) => {
        outcome = String(status);
        traceId = answered ?? traceId;
        booking = about ?? booking;
      }),
  };
  let error: string | undefined;
  let broken = false;
  try {
    return await work(action);
  } catch (failure) {
    error = failure instanceof Failure ? failure.message : String(failure);
    if (failure instanceof Failure && failure.kind !== "refused") outcome = failure.kind;
    // A booking that cannot be made as it is, is no fault.
    broken = !(failure instanceof Failure && (failure.problem?.status ?? 500) < 500);
    throw failure;
  } finally {
    const attributes = whoActs(booking);
    span.end(broken && error !== undefined ? { attributes, error } : { attributes });
    record({ traceId, name, outcome, failed: error !== undefined, durationMs: performance.now() - begun });
  }
}

/** What spans are found by: the user who acts, and the booking that it is about. */
function whoActs(booking?: string): Attributes {
  const user = session.user();
  if (!user) return {};
  return {
    "tenant.id": user.tenant,
    "tenant.tier": user.tier,
    "enduser.id": user.sub,
    ...(booking === undefined ? {} : { "booking.number": booking }),
    "aws.xray.annotations": ["tenant.id", "tenant.tier", ...(booking === undefined ? [] : ["booking.number"])],
  };
}

type Answered = (status: number, traceId?: string, booking?: string) => void;

async function send<T>(call: Call<T>, span: Span, answered: Answered): Promise<T> {
  let renewed = false;
  for (let tried = 1; ; tried += 1) {
    let attempted: Attempt<T>;
    try {
      attempted = await attempt(call, span, tried);
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (tried < TRIES && navigator.onLine) {
        await pause(waitMs(tried, null) ?? 0);
        continue;
      }
      throw navigator.onLine
        ? new Failure("unreachable", "The service cannot be reached at the moment.")
        : new Failure("offline", "You are offline.");
    }
    const { answer, content, booking } = attempted;
    answered(answer.status, traceIdOf(answer.headers.get("traceparent")), booking);
    if (content) return content.value;
    // Not tried again: what was asked for is done.
    if (answer.ok) throw new Failure("unreadable", "The service's answer could not be read.");
    if (answer.status === 401 && !call.anonymous) {
      if (!renewed && (await session.renew().catch(() => false))) {
        renewed = true;
        continue;
      }
      // A token that was made just now is good: what the control plane says to it ends no session.
      if (!(renewed && call.api === "control-plane")) {
        session.expire();
        throw new Failure("expired", "Your session has ended.");
      }
    }
    const wait = waitMs(tried, answer.headers.get("Retry-After"));
    if (isWorthAnotherTry(answer.status) && tried < TRIES && wait !== undefined) {
      await pause(wait);
      continue;
    }
    const problem = parseProblem(answer.status, await answer.text());
    throw new Failure("refused", problem.detail, problem);
  }
}

async function pause(ms: number): Promise<void> {
  retrying.set(true);
  await sleep(ms);
}

interface Attempt<T> {
  answer: Response;
  /** Of an answer that is good and can be read. */
  content?: { value: T };
  booking?: string;
}

async function attempt<T>(call: Call<T>, parent: Span, tried: number): Promise<Attempt<T>> {
  const method = call.method ?? (call.body === undefined ? "GET" : "POST");
  const base = { booking: config.booking_url, mileage: config.mileage_url, "control-plane": config.control_plane_url }[call.api];
  const url = new URL(base + (call.path ?? call.route), location.origin);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  const token = call.anonymous ? undefined : await session.token();

  const asked = typeof call.booking === "string" ? call.booking : undefined;
  const span = parent.child(`${method} ${call.route}`, {
    ...whoActs(asked),
    "http.request.method": method,
    "server.address": url.hostname,
    "url.path": url.pathname,
    ...(tried > 1 ? { "http.request.resend_count": tried - 1 } : {}),
  });
  const headers: Record<string, string> = traceHeaders(span.ids);
  // API Gateway's, which is not before the control plane.
  if (call.api === "control-plane") delete headers["X-Amzn-Trace-Id"];
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (call.idempotencyKey !== undefined) headers["Idempotency-Key"] = call.idempotencyKey;
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  if (body !== null) headers["Content-Type"] = "application/json";
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(url, { method, headers, body, signal, credentials: "omit", cache: "no-store" });
    const status: Attributes = { "http.response.status_code": answer.status };
    if (!answer.ok) {
      span.end({ attributes: { ...status, "error.type": String(answer.status) }, error: answer.statusText });
      return { answer, ...(asked === undefined ? {} : { booking: asked }) };
    }
    try {
      const value = (await answer.json()) as T;
      const booking = typeof call.booking === "function" ? call.booking(value) : asked;
      span.end({ attributes: { ...status, ...whoActs(booking) } });
      return { answer, content: { value }, ...(booking === undefined ? {} : { booking }) };
    } catch (error) {
      span.end({ attributes: { ...status, "error.type": typeOf(error) }, error: "an answer that cannot be read" });
      return { answer, ...(asked === undefined ? {} : { booking: asked }) };
    }
  } catch (error) {
    span.end({ attributes: { "error.type": typeOf(error) }, error: "no answer" });
    throw error;
  } finally {
    retrying.set(false);
  }
}

function typeOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}
