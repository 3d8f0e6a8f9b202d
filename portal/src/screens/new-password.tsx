import { useState } from "preact/hooks";

import { Failure } from "../api/problem.ts";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { Submit } from "../parts/submit.tsx";
import { useTask } from "../parts/task.ts";
import { useWrongFields } from "../parts/wrong-fields.ts";
import { signInFailure } from "../session/errors.ts";
import { session } from "../session/session.ts";

const AGAIN = "new-password-again";
const RULE = "At least 12 characters, with a lower-case letter, an upper-case letter and a digit.";

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
            if (password !== again) throw passwordsDiffer();
            await session.choosePassword(password);
          });
        }}
      >
        <Notice failure={wrong.failure} />
        <Field
          label="New password"
          name="new-password"
          type="password"
          autocomplete="new-password"
          required
          hint={RULE}
          value={password}
          onText={setPassword}
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

function passwordsDiffer(): Failure {
  const detail = "The two passwords differ.";
  return new Failure("refused", detail, { status: 0, code: "passwords_differ", detail, errors: [{ field: AGAIN, detail: "is not the same" }] });
}
