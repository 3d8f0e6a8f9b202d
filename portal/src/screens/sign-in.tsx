import { useEffect, useState } from "preact/hooks";

import type { DemoUser } from "../config.ts";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { Submit } from "../parts/submit.tsx";
import { useTask } from "../parts/task.ts";
import { signInFailure } from "../session/errors.ts";
import { session } from "../session/session.ts";
import { useConfig } from "../settings.ts";

const AGAIN = "Sign in again to go on.";

export function SignIn({ expired, reason }: { expired: boolean; reason: string | undefined }) {
  const config = useConfig();
  return (
    <section class="card narrow">
      <h1 tabIndex={-1}>Sign in</h1>
      {expired && (
        <p class="notice bad" role="alert">
          <strong>Your session has ended.</strong> {config.hosted_login ? AGAIN : `${AGAIN} What you typed is still there.`}
        </p>
      )}
      {reason && (
        <p class="notice bad" role="alert">
          {reason}
        </p>
      )}
      {config.hosted_login ? <Hosted /> : <PasswordForm demoUsers={config.demo_users ?? []} />}
      <p>
        New here? <a href="#/register">Register your company</a>
      </p>
      <p class="hint">Your session lives in this page alone: reloading or closing it signs you out.</p>
    </section>
  );
}

function Hosted() {
  return (
    <button type="button" class="primary" onClick={() => void session.signInHosted()}>
      Sign in
    </button>
  );
}

function PasswordForm({ demoUsers }: { demoUsers: DemoUser[] }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const task = useTask((error) => signInFailure(error, navigator.onLine));
  useEffect(() => session.prepareSignIn(), []);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void task.run(() => session.signIn(username.trim(), password));
      }}
    >
      <Notice failure={task.failure} />
      <Field label="Email" name="email" type="email" autocomplete="username" required value={username} onText={setUsername} />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        value={password}
        onText={setPassword}
      />
      <Submit busy={task.busy} during="Signing in…">
        Sign in
      </Submit>
      {demoUsers.length > 0 && (
        <fieldset class="demo">
          <legend>This is a local demo. Fill in</legend>
          {demoUsers.map((user) => (
            <button
              type="button"
              key={user.username}
              onClick={() => {
                setUsername(user.username);
                setPassword(user.password);
              }}
            >
              {user.username} <small>{user.tier}</small>
            </button>
          ))}
        </fieldset>
      )}
    </form>
  );
}
