import { useState } from "preact/hooks";

import { airline, type Balance } from "../api/airline.ts";
import { formatDay, formatMoment, formatNumber } from "../format.ts";
import { More, useList } from "../parts/list.tsx";
import { Notice } from "../parts/notice.tsx";

export function Miles() {
  const [balance, setBalance] = useState<Balance>();
  const list = useList("look at my miles", async (action, cursor) => {
    const page = await airline.balance(action, cursor);
    setBalance((before) => (before && cursor ? { ...page, history: [...before.history, ...page.history] } : page));
    return page.next_cursor;
  });
  return (
    <section class="card">
      <h1 tabIndex={-1}>Miles</h1>
      <Notice failure={list.failure} />
      {balance && (
        <p class="balance">
          <strong>{formatNumber(balance.miles)}</strong> miles from {formatNumber(balance.bookings)}{" "}
          {balance.bookings === 1 ? "booking" : "bookings"}
        </p>
      )}
      {balance && balance.history.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="History">
          <table>
            <thead>
              <tr>
                <th scope="col">Flight</th>
                <th scope="col">Departure</th>
                <th scope="col" class="number">
                  Miles
                </th>
              </tr>
            </thead>
            <tbody>
              {balance.history.map((entry) => (
                <tr key={`${entry.booking_number} ${entry.kind}`}>
                  <td>
                    {entry.from_airport}–{entry.to_airport}
                    <span class="beneath">
                      <a href={`#/bookings/${entry.booking_number}`}>{entry.booking_number}</a>{" "}
                      {entry.kind === "taken_back" && <b class="cancelled">cancelled</b>}
                    </span>
                  </td>
                  <td>
                    {formatDay(entry.departure_date)}
                    <span class="beneath">posted {formatMoment(entry.created_at)}</span>
                  </td>
                  <td class="number">{formatNumber(entry.miles)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More list={list} />
    </section>
  );
}
