import type { InputHTMLAttributes } from "preact";

interface FieldProps {
  label: string;
  name: string;
  value: string;
  onText(text: string): void;
  type?: "text" | "email" | "password" | "date";
  autocomplete?: "off" | "username" | "current-password" | "new-password" | "email" | "organization" | "name";
  required?: boolean;
  min?: string;
  max?: string;
  hint?: string | undefined;
  error?: string | undefined;
}

export function Field({ label, name, hint, error, onText, type = "text", ...input }: FieldProps) {
  return (
    <div class={error ? "field wrong" : "field"}>
      <label for={name}>{label}</label>
      <input
        // Preact's types know each kind of input by itself; this one is several.
        {...({ ...input, type } as InputHTMLAttributes<HTMLInputElement>)}
        id={name}
        name={name}
        onInput={(event) => onText(event.currentTarget.value)}
        {...described(name, hint, error)}
      />
      <Remarks name={name} hint={hint} error={error} />
    </div>
  );
}

/** What ties an input to its hint and its error. */
export function described(name: string, hint: string | undefined, error: string | undefined) {
  const ids = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(" ");
  return { "aria-invalid": error ? true : undefined, "aria-describedby": ids || undefined };
}

export function Remarks({ name, hint, error }: { name: string; hint?: string | undefined; error?: string | undefined }) {
  return (
    <>
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      )}
    </>
  );
}
