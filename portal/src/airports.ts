export interface Airport {
  code: string;
  name: string;
  city: string;
  country: string;
  latitude: number;
  longitude: number;
  /** Its place among the busiest, from 0; infinite for all others. */
  place: number;
}

type Row = [code: string, name: string, city: string, country: string, latitude: number, longitude: number, place?: number];

export class Airports {
  readonly #all: { airport: Airport; text: string; words: string[] }[];
  readonly #byCode: Map<string, Airport>;

  constructor(rows: Row[], countryName: (code: string) => string = countryNames()) {
    const names = new Map<string, string>();
    const nameOf = (code: string) => names.get(code) ?? names.set(code, countryName(code)).get(code)!;
    this.#all = rows.map(([code, name, city, country, latitude, longitude, place = Infinity]) => {
      const airport = { code, name, city, country: nameOf(country), latitude, longitude, place };
      const text = plain(`${city} ${name} ${airport.country}`);
      return { airport, text, words: text.split(" ") };
    });
    this.#byCode = new Map(this.#all.map(({ airport }) => [airport.code, airport]));
  }

  find(code: string): Airport | undefined {
    return this.#byCode.get(code.trim().toUpperCase());
  }

  /** The best matches first: a code, then the busiest that have all the words, then a city, then whatever has them. */
  search(text: string, limit = 8): Airport[] {
    const wanted = plain(text);
    if (wanted === "") return [];
    const parts = wanted.split(" ");
    const ranked: { airport: Airport; rank: number }[] = [];
    for (const { airport, text, words } of this.#all) {
      const rank = rankOf(airport, text, words, wanted, parts);
      if (rank !== undefined) ranked.push({ airport, rank });
    }
    return ranked
      .sort((a, b) => a.rank - b.rank || order(a.airport.place, b.airport.place) || a.airport.city.length - b.airport.city.length || order(a.airport.code, b.airport.code))
      .slice(0, limit)
      .map(({ airport }) => airport);
  }
}

function rankOf(airport: Airport, text: string, words: string[], wanted: string, parts: string[]): number | undefined {
  const code = airport.code.toLowerCase();
  if (code === wanted) return 0;
  if (!parts.every((part) => words.some((word) => word.startsWith(part)))) return code.startsWith(wanted) ? 5 : undefined;
  const begins = text.startsWith(wanted);
  if (airport.place !== Infinity) return begins ? 1 : 2;
  return (begins ? 3 : 4) + (airport.name.includes("International") ? 0 : 0.5);
}

function order<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a field says of a chosen airport. */
export function airportText(airport: Airport): string {
  return `${airport.code} ${airport.city || airport.name}`;
}

/** The code that such a text stands for, or whatever was typed instead: what is wrong with it, the service says. */
export function codeIn(text: string, airports: Airports | undefined): string {
  const typed = text.trim();
  if (/^[a-z]{3}$/i.test(typed)) return typed.toUpperCase();
  const airport = airports?.find(typed.slice(0, 3));
  return airport && airportText(airport) === typed ? airport.code : typed;
}

/** Lower case, without accents and punctuation. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase().replace(/[^\p{Letter}\p{Number}]+/gu, " ").trim();
}

function countryNames(): (code: string) => string {
  const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });
  return (code) => {
    try {
      return names.of(code) ?? code;
    } catch {
      return code;
    }
  };
}

let loading: Promise<Airports> | undefined;

/** All airports: a large file, fetched when a page first needs it. */
export function loadAirports(): Promise<Airports> {
  loading ??= import("./data/airports.json?url")
    .then(({ default: url }) => fetch(url))
    .then(async (answer) => new Airports((await answer.json()) as Row[]));
  loading.catch(() => (loading = undefined));
  return loading;
}
