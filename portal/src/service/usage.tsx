import type { Cost, Period, Share } from "../api/control-plane.ts";
import type { Moments } from "./moments.ts";
import { count, duration, money } from "./words.ts";

/** What was used this month, and what that costs where prices are configured. */
export function Usage({ cost, month, moments }: { cost: Cost; month: Period; moments: Moments }) {
  const { currency, total, services } = cost;
  const price = (share: Share) => currency !== null && money(share, currency);
  return (
    <section class="card" aria-labelledby="usage">
      <h2 id="usage">
        {currency === null ? "Usage" : "Usage and cost"} in {moments.month(month.from)}
      </h2>
      <p class="totals">
        <strong>{count(total.requests)}</strong> requests
        {total.seconds > 0 && (
          <>
            , <strong>{duration(total.seconds * 1e9)}</strong> of work
          </>
        )}
        {currency !== null && (
          <>
            , <strong>{price(total)}</strong>
          </>
        )}
        {total.estimated && ", at least: not all requests were seen"}.
      </p>
      {services.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="By service">
          <table>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col" class="number">
                  Requests
                </th>
                <th scope="col" class="number">
                  Work
                </th>
                {currency !== null && (
                  <th scope="col" class="number">
                    Cost
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {services.map((line) => (
                <tr key={line.service}>
                  <th scope="row">{line.service}</th>
                  <td class="number">{count(line.requests)}</td>
                  <td class="number">{duration(line.seconds * 1e9)}</td>
                  {currency !== null && <td class="number">{price(line)}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="hint">From the first of the month until now; months and days are those of UTC.</p>
    </section>
  );
}
