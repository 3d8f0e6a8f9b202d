import { useEffect } from "preact/hooks";

import { forgetEverything } from "./memory.ts";
import { Activity } from "./parts/activity.tsx";
import { useOnline } from "./parts/online.ts";
import { World } from "./parts/world.tsx";
import { useRoute, type Route } from "./router.ts";
import { Book } from "./screens/book.tsx";
import { BookingPage } from "./screens/booking.tsx";
import { Bookings } from "./screens/bookings.tsx";
import { Invite } from "./screens/invite.tsx";
import { Miles } from "./screens/miles.tsx";
import { NewPassword } from "./screens/new-password.tsx";
import { Register } from "./screens/register.tsx";
import { Service } from "./screens/service.tsx";
import { SignIn } from "./screens/sign-in.tsx";
import { session, type State } from "./session/session.ts";
import type { User } from "./session/user.ts";
import { useConfig } from "./settings.ts";
import { useStore } from "./store.ts";

const TITLES: Record<Route["page"], string> = {
  book: "Book a flight",
  bookings: "My bookings",
  booking: "Booking",
  miles: "Miles",
  invite: "Invite a colleague",
  register: "Register your company",
  service: "Service",
};

export function App() {
  const state = useStore(session.state);
  const config = useConfig();
  const asked = useRoute();
  const route: Route = asked.page === "service" && !config.control_plane_url ? { page: "book" } : asked;
  const online = useOnline();
  const screen = screenOf(state, route);
  useTitleAndFocus(screen);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        To the content
      </a>
      <header>
        <div class="bar">
          <a class="brand" href="#/book">
            <img src="/icon.svg" alt="" width="32" height="32" /> Airline
          </a>
          {state.kind === "signed-in" && <Navigation user={state.user} page={route.page} />}
        </div>
      </header>
      {!online && (
        <p class="banner" role="status">
          You are offline. What is on this page stays; booking works again when you are back.
        </p>
      )}
      <main id="content" tabIndex={-1} class={state.kind === "signed-in" ? undefined : "welcome"}>
        {state.kind !== "signed-in" && <Welcome />}
        <Screen key={screen} state={state} route={route} />
        <Activity />
      </main>
    </>
  );
}

/** Names what is shown: another name is another screen. */
function screenOf(state: State, route: Route): string {
  if (state.kind === "signed-in") return route.page === "booking" ? `Booking ${route.number}` : TITLES[route.page];
  if (state.kind === "new-password") return "Choose your password";
  return route.page === "register" ? TITLES.register : "Sign in";
}

function Screen({ state, route }: { state: State; route: Route }) {
  if (state.kind === "new-password") return <NewPassword />;
  if (route.page === "register") return <Register />;
  if (state.kind === "signed-out") return <SignIn expired={state.expired} reason={state.reason} />;
  switch (route.page) {
    case "bookings":
      return <Bookings />;
    case "booking":
      return <BookingPage number={route.number} />;
    case "miles":
      return <Miles />;
    case "invite":
      return state.user.isAdmin ? <Invite user={state.user} /> : <AdminsOnly />;
    case "service":
      return <Service user={state.user} />;
    default:
      return <Book />;
  }
}

function AdminsOnly() {
  return (
    <section class="card narrow">
      <h1 tabIndex={-1}>Invite a colleague</h1>
      <p>Only an admin of your company can invite colleagues. Ask the person who registered it.</p>
    </section>
  );
}

function Welcome() {
  return (
    <div class="hero">
      <World />
      <p class="claim">Book a flight. Watch its miles arrive.</p>
      <p>Every click can be followed, from this page to the last ledger.</p>
    </div>
  );
}

function Navigation({ user, page }: { user: User; page: Route["page"] }) {
  const { control_plane_url } = useConfig();
  const link = (target: Route["page"], text: string) => (
    <a href={`#/${target}`} aria-current={page === target ? "page" : undefined}>
      {text}
    </a>
  );
  return (
    <>
      <nav aria-label="Main">
        {link("book", "Book")}
        {link("bookings", "My bookings")}
        {link("miles", "Miles")}
        {user.isAdmin && link("invite", "Invite")}
        {user.isAdmin && control_plane_url && link("service", "Service")}
      </nav>
      <div class="who">
        <span class="tenant">
          <span class="unseen">Company</span> <span class="company">{user.company}</span> <span class={`tier ${user.tier}`}>{user.tier}</span>
        </span>
        <span class="email">{user.email}</span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </div>
    </>
  );
}

function signOut() {
  forgetEverything();
  void session.signOut();
}

/** The address behind `#` is the route, so the link cannot be followed. */
function skip(event: Event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function useTitleAndFocus(screen: string) {
  useEffect(() => {
    document.title = `${screen} · Airline`;
    // Whoever does not see the page change hears it.
    document.querySelector<HTMLElement>("main h1")?.focus();
  }, [screen]);
}
