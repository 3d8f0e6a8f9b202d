// What stands along the axes of a chart: times, durations and amounts.
"use strict";
(() => {
  const { axisOf, binOf, clock, ofBin, shortDay } = globalThis.texts;
  const DAY = 86_400;
  /** What stands left and right of the lines, about, in pixels. */
  const SIDES = 72;
  /** Steps of an axis of what is counted: nothing is counted by halves. */
  const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
  /** Round durations in nanoseconds: 1, 2 and 5 of everything up to 20 s, then minutes. */
  const ROUND = [
    ...Array.from({ length: 11 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat().filter((ns) => ns <= 20e9),
    ...[1, 2, 5, 10, 20, 60, 120].map((minutes) => minutes * 60e9),
  ];

  /** As many of these places as have room side by side. */
  const spaced = (places, wide, space) => {
    let last = -Infinity;
    return places.filter((at) => wide(at - last) >= space && ((last = at), true));
  };

  /** A round duration. */
  const short = (ns) => {
    const [factor, unit] = axisOf("duration", ns * 1.0001);
    return `${Number((ns * factor).toPrecision(3))}${unit}`;
  };

  /** How many pixels a length of time is wide. */
  const wide = (chart, seconds) => {
    return (seconds / (chart.said.to - chart.said.from)) * (chart.plot.clientWidth - SIDES);
  };

  /** Labels of the axis: hour and minute, and below the first of a day its date. */
  const labels = (chart, splits, step) => {
    let before = "";
    return splits.map((at) => {
      // What would be cut off at the edge is left out.
      if (wide(chart, chart.said.to - at) < 4) return null;
      const { day, minute, second } = clock(at);
      if (step >= DAY) return shortDay(day);
      const label = step < 60 ? second : minute;
      const dated = day === before ? label : `${label}\n${shortDay(day)}`;
      before = day;
      return dated;
    });
  };

  /** What stands along the lower axis, and where. */
  const along = (chart) => {
    const values = (_, splits, __, ___, step) => labels(chart, splits, step);
    if (chart.said.durations) {
      const { from, to } = chart.said;
      const all = ROUND.map(binOf).filter((at) => from <= at && at <= to);
      return { values: (_, splits) => splits.map((at) => short(ofBin(at))), splits: (...asked) => spaced(all, (length) => wide(chart, length), asked[5]) };
    }
    if (chart.said.columns && chart.said.width >= DAY) return { values, splits: (...asked) => middles(chart, asked[5]) };
    return { values };
  };

  /** Where dates stand: below the middle of a day's column. */
  const middles = (chart, space) => {
    const { from, to, width } = chart.said;
    const every = Math.ceil(space / wide(chart, width)) * width;
    const count = Math.floor((chart.times.at(-1) - from) / every) + 1;
    return Array.from({ length: count }, (_, number) => chart.times.at(-1) - number * every).reverse();
  };

  /** Both axes of a chart whose amounts are in a unit; `style` gives a colour of the styles by its name. */
  globalThis.axesOf = (chart, unit, style, font) => {
    const amount = (value) => (value === 0 ? "0" : `${value < 0 ? "−" : ""}${Number(Math.abs(value).toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 })}${unit}`);
    const breadth = (drawn, labels) => {
      if (!labels) return 56;
      drawn.ctx.font = font;
      return Math.max(Math.ceil(Math.max(...labels.map((label) => drawn.ctx.measureText(label).width))) + 12, 56);
    };
    const axis = { stroke: style("--faint"), font, ticks: { stroke: style("--line"), width: 1, size: 4 }, gap: 4 };
    const whole = chart.said.unit === "count" && { incrs: WHOLE };
    return [
      { ...axis, ...along(chart), space: 64, size: 40, grid: { show: false } },
      { ...axis, ...whole, values: (_, splits) => splits.map(amount), size: breadth, grid: { stroke: style("--line"), width: 1 } },
    ];
  };
})();
