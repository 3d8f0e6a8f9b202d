import { useState } from "preact/hooks";

import { Failure } from "../api/problem.ts";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { Submit } from "../parts/submit.tsx";
import { useTask } from "../parts/task.ts";
import { useWrongFields } from "../parts/wrong-fields.ts";
import { signInFailure } from "../session/errors.ts";
import { lacking, PASSWORD_RULE } from "../session/password-rule.ts";
import { session } from "../session/session.ts";

const [CHOSEN, AGAIN] = ["new-password", "new-password-again"];

export function NewPassword() {
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const task = useTask((error) => signInFailure(error, navigator.onLine));
  const wrong = useWrongFields(task.failure);
  return (
    <section class="card narrow">
      <h1 tabIndex={-1}>Choose your password</h1>
      <p>The password you were sent was for the first sign-in only.</p>
      <form
        ref={wrong.form}
        onSubmit={(event) => {
          event.preventDefault();
          void task.run(async () => {
            const needs = lacking(password);
            if (needs) throw refused("This password is too weak.", CHOSEN, needs);
            if (password !== again) throw refused("The two passwords differ.", AGAIN, "is not the same");
            await session.choosePassword(password);
          });
        }}
      >
        <Notice failure={wrong.failure} />
        <Field
          label="New password"
          name={CHOSEN}
          type="password"
          autocomplete="new-password"
          required
          hint={PASSWORD_RULE}
          error={wrong.errorOf(CHOSEN)}
          value={password}
          onText={(text) => {
            setPassword(text);
            wrong.change(CHOSEN);
          }}
        />
        <Field
          label="Once more"
          name={AGAIN}
          type="password"
          autocomplete="new-password"
          required
          error={wrong.errorOf(AGAIN)}
          value={again}
          onText={(text) => {
            setAgain(text);
            wrong.change(AGAIN);
          }}
        />
        <Submit busy={task.busy} during="Saving…">
          Save and sign in
        </Submit>
      </form>
    </section>
  );
}

/** What the form says itself, before anything is sent. */
function refused(detail: string, field: string, why: string): Failure {
  return new Failure("refused", detail, { status: 0, code: "password_not_chosen", detail, errors: [{ field, detail: why }] });
}
