/**
 * One key for as long as the same thing is wanted: a second click and a try after an error send the key of the first,
 * and are answered with what the first made. Something else, or the same after it was made, gets a new key.
 */
export class IdempotencyKey {
  #wanted: string | undefined;
  #key = "";
  readonly #newKey: () => string;

  constructor(newKey = randomKey) {
    this.#newKey = newKey;
  }

  of(body: unknown): string {
    const wanted = JSON.stringify(body);
    if (wanted !== this.#wanted) {
      this.#wanted = wanted;
      this.#key = this.#newKey();
    }
    return this.#key;
  }

  /** It was made. */
  done(): void {
    this.#wanted = undefined;
  }
}

/** crypto.randomUUID exists in secure contexts alone. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
