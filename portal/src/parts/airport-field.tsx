import type { TargetedKeyboardEvent } from "preact";
import { useState } from "preact/hooks";

import { airportText, type Airport, type Airports } from "../airports.ts";
import { described, Remarks } from "./field.tsx";

interface AirportFieldProps {
  label: string;
  name: string;
  /** What is in the field: what was typed, or a chosen airport's code and name. */
  text: string;
  onText(text: string): void;
  airports: Airports | undefined;
  error?: string | undefined;
}

/** A combobox: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/examples/combobox-autocomplete-list/ */
export function AirportField({ label, name, text, onText, airports, error }: AirportFieldProps) {
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const found = open ? (airports?.search(text) ?? []) : [];
  const shown = found.length > 0;
  const nothing = open && airports !== undefined && text.trim() !== "" && !shown;
  const option = (index: number) => `${name}-option-${index}`;

  function choose(airport: Airport | undefined) {
    if (airport) onText(airportText(airport));
    setOpen(false);
  }

  function onKeyDown(event: TargetedKeyboardEvent<HTMLInputElement>) {
    // Also before the list is drawn, or the airports are there: it must not open afterwards.
    if (event.key === "Escape") setOpen(false);
    if (!shown) return;
    switch (event.key) {
      case "ArrowDown":
        setActive((active + 1) % found.length);
        break;
      case "ArrowUp":
        setActive((active + found.length - 1) % found.length);
        break;
      case "Enter":
        choose(found[active]);
        break;
      case "Tab":
        // The focus goes on, with what is highlighted chosen.
        if (!event.shiftKey) choose(found[active]);
        return;
      case "Escape":
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  function onBlur() {
    const exact = open && text.trim().length === 3 ? airports?.find(text) : undefined;
    choose(exact);
  }

  return (
    <div class={error ? "field airport wrong" : "field airport"}>
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls={`${name}-list`}
        aria-activedescendant={shown ? option(active) : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="City or airport"
        value={text}
        onInput={(event) => {
          onText(event.currentTarget.value);
          setActive(0);
          setOpen(true);
        }}
        onFocus={(event) => event.currentTarget.select()}
        onBlur={onBlur}
        onKeyDown={onKeyDown}
        {...described(name, undefined, error)}
      />
      <ul id={`${name}-list`} role="listbox" aria-label={`Airports: ${label}`} hidden={!shown}>
        {found.map((airport, index) => (
          <li
            key={airport.code}
            id={option(index)}
            role="option"
            aria-selected={index === active}
            // Before the field loses its focus.
            onMouseDown={(event) => {
              event.preventDefault();
              choose(airport);
            }}
          >
            <b>{airport.code}</b> <span>{airport.city || airport.name}</span>
            <small>
              {airport.city ? `${airport.name}, ` : ""}
              {airport.country}
            </small>
          </li>
        ))}
      </ul>
      <p class="hint" role="status">
        {nothing && `No airport matches “${text.trim()}”.`}
      </p>
      <Remarks name={name} error={error} />
    </div>
  );
}
