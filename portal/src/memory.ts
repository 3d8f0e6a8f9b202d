// What this page remembers of a user besides the session: gone when they sign out or somebody else signs in.
import { bookingsMade } from "./bookings-made.ts";
import { forgetDraft } from "./draft.ts";
import { actions } from "./trace/actions.ts";

let owner: string | undefined;

export function rememberFor(user: string): void {
  if (owner !== undefined && owner !== user) forgetEverything();
  owner = user;
}

export function forgetEverything(): void {
  forgetDraft();
  bookingsMade.forget();
  actions.set([]);
}
