// What the APIs say of a field, in the words of the form: they name fields as their documents do, and codes where people see airports.

const WORDS: [said: RegExp, told: string][] = [
  [/^is required$|^must not be empty$|^must be a string$/, "must be filled in"],
  [/^must be an IATA airport code.*|^is not the IATA code of an airport$/, "must be an airport from the list"],
  [/^must be another airport than from_airport$/, "must be another airport than From"],
  [/^must be a date.*/, "must be a day"],
  [/^must not be in the past$/, "must be today or later"],
  [/^must be at most (\d+) days ahead$/, "must be within the next $1 days"],
  [/^must not contain control characters$/, "must be plain text"],
];

/** The same for people; what is not known here, as it was said. */
export function inWords(said: string): string {
  const [pattern, told] = WORDS.find(([pattern]) => pattern.test(said)) ?? [];
  return pattern && told ? said.replace(pattern, told) : said;
}
