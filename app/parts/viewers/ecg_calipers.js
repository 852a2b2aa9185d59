// Calipers: two handles on one row, apart in time and in voltage. legs: {row, cell, t0, v0, t1, v1}; v above the middle.

const TIME_STEP = 0.01; // seconds and units that a key moves a handle by
const VALUE_STEP = 0.05;

/** What the calipers span, in words: milliseconds, beats a minute, and the lead's unit. */
function spanned({ t0, t1, v0, v1 }, unit) {
  const apart = Math.abs(t1 - t0);
  const parts = [`${Math.round(apart * 1000)} ms`];
  if (apart >= 0.2 && apart <= 3) parts.push(`${Math.round(60 / apart)}\u202f/min`);
  if (Math.abs(v1 - v0) >= VALUE_STEP - 1e-6) parts.push(`${(v1 - v0).toFixed(2).replace("-", "\u2212")} ${unit}`.trim());
  return parts.join("  ");
}

/** Calipers 0.8 s apart in the middle of a row. */
function freshLegs(ecg, sheet, row, column = 0) {
  const c = sheet.rows[row].cells[column];
  const middle = (c.from + Math.min(c.to, ecg.seconds)) / 2;
  return { row, cell: c, t0: middle - 0.4, t1: middle + 0.4, v0: 0, v1: 0 };
}

/** The same calipers one cell on (or back): down the rows of a column, then the next column. */
function nextCell(ecg, sheet, legs, step) {
  const cells = [];
  const columns = Math.max(...sheet.rows.map((r) => r.cells.length));
  for (let column = 0; column < columns; column++)
    sheet.rows.forEach((r, row) => r.cells[column] && cells.push([row, column]));
  const here = cells.findIndex(([row, column]) => row === legs.row && sheet.rows[row].cells[column].x === legs.cell.x);
  const fresh = freshLegs(ecg, sheet, ...cells[(here + step + cells.length) % cells.length]);
  return { ...fresh, t1: fresh.t0 + legs.t1 - legs.t0, v0: legs.v0, v1: legs.v1 };
}

function places(ecg, sheet, { row, cell: c, t0, t1, v0, v1 }) {
  const [zero, tall] = [zeroOf(sheet, row), pixelsPerUnit(sheet, ecg.leads[c.lead])];
  return { top: topOf(sheet, row), bottom: topOf(sheet, row + 1), x: [xOf(sheet, c, t0), xOf(sheet, c, t1)], y: [zero - v0 * tall, zero - v1 * tall] };
}

/** What a press takes hold of: handle 0 or 1 (`tall`: also its height), or both; null where it begins anew. */
function gripAt(ecg, sheet, legs, x, y, reach) {
  const at = places(ecg, sheet, legs);
  if (y < at.top || y > at.bottom) return null;
  const near = Math.abs(x - at.x[0]) < Math.abs(x - at.x[1]) ? 0 : 1;
  if (Math.hypot(x - at.x[near], y - at.y[near]) <= reach) return { handle: near, tall: true };
  if (Math.abs(x - at.x[near]) <= reach / 2) return { handle: near, tall: false };
  const between = x > Math.min(...at.x) && x < Math.max(...at.x);
  return between && Math.abs(y - at.top - 26) <= reach / 2 ? { handle: "both" } : null;
}

/** The legs after a grip was dragged by `dt` seconds and `dv` units. */
function dragged(legs, grip, dt, dv) {
  const [zero, one] = [grip.handle !== 1, grip.handle !== 0];
  const rise = grip.tall ? dv : 0;
  return {
    ...legs,
    ...(zero && { t0: legs.t0 + dt, v0: legs.v0 + rise }),
    ...(one && { t1: legs.t1 + dt, v1: legs.v1 + rise }),
  };
}

function drawCalipers(context, ecg, sheet, legs, look, colour) {
  const { top, bottom, x, y } = places(ecg, sheet, legs);
  const unit = ecg.leads[legs.cell.lead].unit;
  context.strokeStyle = colour;
  const line = (...points) => {
    context.beginPath();
    points.forEach(([u, v], i) => context[i ? "lineTo" : "moveTo"](u, v));
    context.stroke();
  };
  context.lineWidth = 1.4;
  for (const u of x) line([u, top + 18], [u, bottom - 4]);
  context.setLineDash([4, 3]);
  line([x[0], top + 26], [x[1], top + 26]);
  if (Math.abs(legs.v1 - legs.v0) >= VALUE_STEP) for (const v of y) line([x[0], v], [x[1], v]);
  context.setLineDash([]);
  x.forEach((u, i) => {
    context.beginPath();
    context.arc(u, clamp(y[i], top + 8, bottom - 8), 4.5, 0, 2 * Math.PI);
    context.fillStyle = look.ground;
    context.fill();
    context.stroke();
  });
  const half = 70;
  plate(context, spanned(legs, unit), clamp((x[0] + x[1]) / 2, half, sheet.width - half), top + 12, look, colour, "600 13px", "center");
}
