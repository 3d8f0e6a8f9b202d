// What the user pool asks of a password: `PasswordPolicy` in infra/booking/template.yaml.

export const MIN_LENGTH = 12;

export const PASSWORD_RULE = `At least ${MIN_LENGTH} characters, with a lower-case letter, an upper-case letter and a digit.`;

const PARTS: [what: string, has: (password: string) => boolean][] = [
  [`at least ${MIN_LENGTH} characters`, (password) => [...password].length >= MIN_LENGTH],
  ["a lower-case letter", (password) => /[a-z]/.test(password)],
  ["an upper-case letter", (password) => /[A-Z]/.test(password)],
  ["a digit", (password) => /[0-9]/.test(password)],
];

/** What a password still needs, in a sentence; nothing of one that is good. */
export function lacking(password: string): string | undefined {
  const lacks = PARTS.filter(([, has]) => !has(password)).map(([what]) => what);
  if (lacks.length === 0) return undefined;
  const last = lacks.pop();
  return `needs ${lacks.length > 0 ? `${lacks.join(", ")} and ` : ""}${last}`;
}
