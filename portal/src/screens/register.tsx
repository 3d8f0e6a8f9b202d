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

export function Register() {
  const [company, setCompany] = useState("");
  const [email, setEmail] = useState("");
  const [sentTo, setSentTo] = useState<string>();
  const key = useRef(new IdempotencyKey());
  const task = useTask();
  const wrong = useWrongFields(task.failure);

  function register() {
    const body = { company_name: company, email: email.trim() };
    return act("register a company", async (action) => {
      await airline.register(action, body, key.current.of(body));
      key.current.done();
      setSentTo(body.email);
    });
  }

  return (
    <section class="card narrow">
      <h1 tabIndex={-1}>Register your company</h1>
      {sentTo ? (
        <MailIsOnItsWay to={sentTo}>
          <p>
            The first sign-in with it confirms your address. Then <a href="#/book">sign in</a>, and invite your colleagues.
          </p>
        </MailIsOnItsWay>
      ) : (
        <form
          ref={wrong.form}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void task.run(register);
          }}
        >
          <Notice failure={wrong.failure} safe="Trying again registers it once." />
          <Field
            label="Company"
            name="company_name"
            autocomplete="organization"
            value={company}
            onText={(text) => {
              setCompany(text);
              wrong.change("company_name");
            }}
            error={wrong.errorOf("company_name")}
          />
          <Field
            label="Your work email"
            name="email"
            type="email"
            autocomplete="email"
            value={email}
            onText={(text) => {
              setEmail(text);
              wrong.change("email");
            }}
            error={wrong.errorOf("email")}
          />
          <Submit busy={task.busy} during="Registering…">
            Register
          </Submit>
          <p>
            Registered already? <a href="#/book">Sign in</a>
          </p>
        </form>
      )}
    </section>
  );
}
