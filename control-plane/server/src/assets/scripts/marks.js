// What is drawn over the lines of a chart: limits that values are held against, moments that are marked, and single measurements.
"use strict";
(() => {
  /** The colours that the styles define, as they are now. */
  const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

  /** Draws the limits of a chart, its marks, and its single measurements. */
  const draw = (chart) => {
    const { ctx, bbox } = chart.drawn ?? {};
    if (!ctx) return;
    const ratio = devicePixelRatio;
    const across = (from, to, dash, stroke) => {
      ctx.strokeStyle = stroke;
      ctx.lineWidth = ratio;
      ctx.setLineDash(dash.map((length) => length * ratio));
      ctx.beginPath();
      ctx.moveTo(...from);
      ctx.lineTo(...to);
      ctx.stroke();
    };
    ctx.save();
    let above = Infinity;
    // The highest first: where there is no room for two names, it is the lower that goes without.
    for (const { name, value } of chart.limits.toSorted((a, b) => b.value - a.value)) {
      const y = chart.drawn.valToPos(value * chart.factor, "y", true);
      const stroke = colour(chart.plot, "--fault");
      across([bbox.left, y], [bbox.left + bbox.width, y], [6, 4], stroke);
      ctx.font = `${11 * ratio}px ${colour(chart.plot, "font-family")}`;
      ctx.fillStyle = stroke;
      ctx.textAlign = "right";
      // Above its line, unless that is the upper edge.
      ctx.textBaseline = y - bbox.top > 16 * ratio ? "bottom" : "top";
      if (Math.abs(above - y) < 14 * ratio) continue;
      above = y;
      ctx.setLineDash([]);
      ctx.strokeStyle = colour(chart.plot, "--card");
      ctx.lineWidth = 4 * ratio;
      ctx.strokeText(name, bbox.left + bbox.width - 4 * ratio, y + (ctx.textBaseline === "top" ? 3 : -3) * ratio);
      ctx.fillText(name, bbox.left + bbox.width - 4 * ratio, y + (ctx.textBaseline === "top" ? 3 : -3) * ratio);
    }
    for (const { at } of chart.said.marks ?? []) {
      const x = chart.drawn.valToPos(at, "x", true);
      const stroke = colour(chart.plot, "--text");
      across([x, bbox.top], [x, bbox.top + bbox.height], [2, 3], stroke);
      ctx.setLineDash([]);
      ctx.fillStyle = stroke;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x - 5 * ratio, bbox.top - 9 * ratio);
      ctx.lineTo(x + 5 * ratio, bbox.top - 9 * ratio);
      ctx.fill();
    }
    ctx.setLineDash([]);
    for (const { at, value } of chart.said.examples ?? []) {
      ctx.fillStyle = colour(chart.plot, "--card");
      ctx.strokeStyle = colour(chart.plot, "--text");
      ctx.lineWidth = 1.5 * ratio;
      ctx.beginPath();
      ctx.arc(chart.drawn.valToPos(at, "x", true), chart.drawn.valToPos(value * chart.factor, "y", true), 3.5 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  };

  globalThis.marks = { colour, draw };
})();
