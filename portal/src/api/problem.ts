/** RFC 9457, with the fields that are wrong. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  errors: { field: string; detail: string }[];
}

export type FailureKind =
  /** The browser is offline. */
  | "offline"
  /** Nothing answered, however often it was tried. */
  | "unreachable"
  /** The API answered that it did what was asked, but its answer is broken or breaks off. */
  | "unreadable"
  /** The session ended. */
  | "expired"
  /** The API answered that it will not. */
  | "refused";

export class Failure extends Error {
  readonly kind: FailureKind;
  readonly problem: Problem | undefined;

  constructor(kind: FailureKind, message: string, problem?: Problem) {
    super(message);
    this.kind = kind;
    this.problem = problem;
  }

  /** The same in other words. */
  saying(message: string): Failure {
    return new Failure(this.kind, message, this.problem);
  }

  /** What is wrong with each field, by its name in the request's body or query. */
  get fields(): Record<string, string> {
    const named = this.problem?.errors.map(({ field, detail }) => [field.replace(/^\//, ""), detail]);
    return Object.fromEntries(named ?? []);
  }
}

/** Whatever came back, as a problem: a proxy on the way may answer anything. */
export function parseProblem(status: number, text: string): Problem {
  let json: Partial<Problem> = {};
  try {
    json = JSON.parse(text) ?? {};
  } catch {
    // Not JSON: the status is all there is.
  }
  const string = (value: unknown) => (typeof value === "string" ? value : undefined);
  const errors = Array.isArray(json.errors) ? json.errors : [];
  return {
    status,
    code: string(json.code) ?? "unknown",
    detail: string(json.detail) ?? `The service answered with status ${status}.`,
    errors: errors.filter((error) => string(error?.field) !== undefined && string(error?.detail) !== undefined),
  };
}
