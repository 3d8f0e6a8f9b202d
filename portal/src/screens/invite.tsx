import { useRef, useState } from "preact/hooks";

import { airline } from "../api/airline.ts";
import { act } from "../api/client.ts";
import { IdempotencyKey } from "../api/idempotency.ts";
import { Field } from "../parts/field.tsx";
import { MailIsOnItsWay } from "../parts/mail.tsx";
import { Notice } from "../parts/notice.tsx";
import { Submit } from "../parts/submit.tsx";
import { useTask } from "../parts/task.ts";
import { useWrongFields } from "../parts/wrong-fields.ts";
import type { User } from "../session/user.ts";

export function Invite({ user }: { user: User }) {
  const [email, setEmail] = useState("");
  const [sentTo, setSentTo] = useState<string>();
  const key = useRef(new IdempotencyKey());
  const task = useTask();
  const wrong = useWrongFields(task.failure);

  function invite() {
    const body = { email: email.trim() };
    setSentTo(undefined);
    return act("invite a colleague", async (action) => {
      await airline.invite(action, body, key.current.of(body));
      key.current.done();
      setSentTo(body.email);
      setEmail("");
    });
  }

  return (
    <section class="card narrow">
      <h1 tabIndex={-1}>Invite a colleague</h1>
      <p>
        They join <b>{user.company}</b> and book for themselves.
      </p>
      {sentTo && <MailIsOnItsWay to={sentTo} />}
      <form
        ref={wrong.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void task.run(invite);
        }}
      >
        <Notice failure={wrong.failure} safe="Trying again invites them once." />
        <Field
          label="Their work email"
          name="email"
          type="email"
          autocomplete="off"
          value={email}
          onText={(text) => {
            setEmail(text);
            wrong.change("email");
          }}
          error={wrong.errorOf("email")}
        />
        <Submit busy={task.busy} during="Inviting…">
          Invite
        </Submit>
      </form>
    </section>
  );
}
