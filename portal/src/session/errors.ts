// What Cognito's errors mean to whoever signs in.
import { Failure } from "../api/problem.ts";

const MEANINGS: Record<string, string> = {
  UserNotFoundException: "This email address and password do not belong together.",
  TooManyRequestsException: "Too many tries. Wait a little, then try again.",
  LimitExceededException: "Too many tries. Wait a little, then try again.",
  PasswordResetRequiredException: "This password must be reset. Ask whoever invited you.",
  CodeMismatchException: "This took too long. Sign in again with the temporary password.",
};

export function signInFailure(error: unknown, online: boolean): Failure {
  const { name, code, message } = (error ?? {}) as { name?: string; code?: string; message?: string };
  const kind = code ?? name ?? "";
  if (kind === "NetworkError" || message === "Network error" || error instanceof TypeError) {
    return online
      ? new Failure("unreachable", "The sign-in service cannot be reached at the moment.")
      : new Failure("offline", "You are offline.");
  }
  if (kind === "NotAuthorizedException") {
    // It says more only where a temporary password ran out or an account is disabled.
    const ordinary = /^incorrect username or password\.?$/i.test(message ?? "");
    return new Failure("refused", ordinary ? MEANINGS["UserNotFoundException"]! : (message ?? ""));
  }
  return new Failure("refused", MEANINGS[kind] ?? message ?? "Signing in failed.");
}
