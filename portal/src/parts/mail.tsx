import type { ComponentChildren } from "preact";

import { useConfig } from "../settings.ts";

export function MailIsOnItsWay({ to, children }: { to: string; children?: ComponentChildren }) {
  const { mailbox } = useConfig();
  return (
    <div class="notice good" role="status">
      <p>
        <strong>Mail is on its way to {to}</strong>, with a password for the first sign-in.
      </p>
      {mailbox && (
        <p>
          This is a local cloud: read it in{" "}
          <a href={mailbox} target="_blank" rel="noopener">
            its mailbox
          </a>
          .
        </p>
      )}
      {children}
    </div>
  );
}
