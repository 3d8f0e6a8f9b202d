// The tree of a trace's spans, from the columns of /api/traces/{id}/rows: of each row its parent, what lies below it, whether it failed, and what happened.
"use strict";
(() => {
  const of = (data) => {
    const { depths } = data;
    const count = depths.length;
    const id = (row) => data.ids.slice(row * 16, row * 16 + 16);

    // Of each row its parent, and the row after the last one below it.
    const [parents, ends] = [new Int32Array(count).fill(-1), new Int32Array(count)];
    const open = [];
    for (let row = 0; row < count; row++) {
      while (open.length && depths[open.at(-1)] >= depths[row]) ends[open.pop()] = row;
      parents[row] = open.at(-1) ?? -1;
      open.push(row);
    }
    while (open.length) ends[open.pop()] = count;

    const errors = new Map(data.errors.rows.map((row, n) => [row, data.texts[data.errors.texts[n]]]));
    const failedBefore = new Int32Array(count + 1);
    for (let row = 0; row < count; row++) failedBefore[row + 1] = failedBefore[row] + errors.has(row);
    const events = new Map();
    data.events.rows.forEach((row, n) => {
      if (!events.has(row)) events.set(row, []);
      events.get(row).push({ at: data.events.at[n], name: data.texts[data.events.names[n]] });
    });
    const rows = new Map();
    for (let row = 0; row < count; row++) rows.set(id(row), row);

    return {
      count, id, parents, ends, errors, events,
      /** Rows whose parent was not received. */
      orphans: new Set(data.without_parent),
      coldStarts: new Set(data.cold_starts),
      /** By span ID. */
      rows,
      isParent: (row) => ends[row] > row + 1,
      below: (row) => ends[row] - row - 1,
      failedBelow: (row) => failedBefore[ends[row]] - failedBefore[row + 1],
    };
  };

  globalThis.spanTree = { of };
})();
