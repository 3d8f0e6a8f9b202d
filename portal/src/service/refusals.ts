// Why requests were turned away, in words that a customer knows.
import type { Refused } from "../api/control-plane.ts";

/** By `problem.code`, which the APIs' documents tell. */
const REASONS: Record<string, string> = {
  no_such_booking: "No such booking, or somebody else's",
  no_such_route: "There is nothing at this address",
  not_an_admin: "Only an admin may do this",
  no_user: "The sign-in names no user",
  tenant_suspended: "Your company was suspended",
  unknown_tenant: "Your company is not registered",
  user_not_allowed: "The user is blocked, or not on your list of those allowed",
  network_not_allowed: "The network is blocked, or not on your list of those allowed",
  requests_quota_exceeded: "More requests a second than your plan allows",
  bookings_quota_exceeded: "More bookings a day than your plan allows",
  too_many_requests: "Too many requests at once",
  too_late_to_cancel: "It was too late to cancel",
  idempotency_key_reused: "A request was sent again with another content",
};

/** Where the code is not known here: by `http.response.status_code`. */
const STATUSES: Record<number, string> = {
  400: "The request was not understood",
  403: "This was not allowed",
  404: "There is no such thing",
  409: "It did not fit what was there",
  413: "The request was too large",
  422: "What was entered was not valid",
  429: "Too many requests",
};

/** Why, as far as it is known. */
export function why({ reason, status }: Pick<Refused, "reason" | "status">): string {
  // Codes are a service's to choose: `constructor` is none of ours.
  return (Object.hasOwn(REASONS, reason) ? REASONS[reason] : STATUSES[status]) ?? `Answered with ${status}`;
}

/** Who, for one of them: users are known by their ids alone. */
export function who(user: string | null, self: string): string {
  if (user === null || user === "") return "Not known";
  return user === self ? "You" : user;
}
