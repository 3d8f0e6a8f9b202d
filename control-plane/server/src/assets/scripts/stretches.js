// What a chart is drawn from: values of stretches of time in a row, with their gaps.
"use strict";
(() => {
  /** Stretches in a row, also those of which nothing is known: they are gaps. */
  const filled = ({ from, to, width, first, at, lines }) => {
    const count = at.at(-1) + 1;
    const middle = (number) => Math.min(Math.max(first + (number + 0.5) * width, from), to);
    const values = lines.map((line) => {
      const row = Array(count).fill(null);
      at.forEach((number, index) => (row[number] = line.values[index]));
      return row;
    });
    return { times: Array.from({ length: count }, (_, number) => middle(number)), values };
  };

  /** Each line's values on top of those of the lines before it. */
  const stacked = (values) => {
    const sums = values[0].map(() => 0);
    return values.map((row) => row.map((value, at) => (value === null ? null : (sums[at] += value))));
  };

  /** Where a value stands alone: it is drawn as a dot, as no line leads to it. */
  const alone = (chart, number) => {
    const row = chart.data[number];
    return row.flatMap((value, at) => (value !== null && (row[at - 1] ?? null) === null && (row[at + 1] ?? null) === null ? [at] : []));
  };

  globalThis.stretches = { alone, filled, stacked };
})();
