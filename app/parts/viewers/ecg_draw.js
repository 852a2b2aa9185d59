// What is drawn on the paper: pulse, traces, the model's attention beneath them, marks of the beats, names.
// `view` holds ecg, sheet, state, strength, beats, look, soft and words.

const HEAT_STEPS = 10;

function paintSheet(context, view) {
  const { sheet, state, strength, look, ecg } = view;
  sheet.rows.forEach((row, number) => {
    if (strength && state.attention !== "off") for (const c of row.cells) drawStrength(context, view, c, number);
    drawPulse(context, view, row, number);
    for (const c of row.cells) drawTrace(context, view, c, number);
    if (view.beats && state.beats && isMarked(view, row)) drawBeats(context, view, row, number);
    row.cells.forEach((c, i) => drawLabel(context, view, row, c, i, number));
  });
  const foot = topOf(sheet, sheet.rows.length - 1) + 10; // beats are marked beneath
  plate(context, scaleText(ecg, state), sheet.width - 10, foot, look, view.soft, "400 12px", "right");
}

const scaleText = (ecg, state) => `${state.speed} mm/s   ` + (ecg.leads.some((l) => l.unit === "mV") ? `${state.gain} mm/mV` : "");

function drawPulse(context, { ecg, sheet, look, words }, row, number) {
  const { mm, gain } = sheet;
  const y = zeroOf(sheet, number);
  const lead = ecg.leads[row.cells[0].lead];
  const at = (value) => Math.round(value) + 0.5; // whole pixels: the pulse is what the eye measures by
  const [x, foot, top] = [1.8 * mm, at(y), at(y - (lead.unit === "mV" ? gain : 10) * mm)];
  context.strokeStyle = look.ink;
  context.lineWidth = 1;
  context.lineJoin = "miter";
  context.beginPath();
  context.moveTo(at(x - 0.8 * mm), foot);
  for (const [u, v] of [[x, foot], [x, top], [x + 5 * mm, top], [x + 5 * mm, foot], [x + 5.8 * mm, foot]]) context.lineTo(at(u), v);
  context.stroke();
  if (lead.unit !== "mV") {
    const text = `${Number((10 / mmPerUnit(sheet, lead)).toPrecision(3))} ${lead.unit || words.unit_unknown}`;
    plate(context, text, x - 0.8 * mm, y + 12, look, look.ink, "400 11px", "left");
  }
}

function drawTrace(context, { ecg, sheet, look }, c, number) {
  const lead = ecg.leads[c.lead];
  const [tall, y] = [pixelsPerUnit(sheet, lead), zeroOf(sheet, number)];
  const [from, to] = span(ecg, c);
  inkLine(context, from, to, (i) => xOf(sheet, c, i / ecg.rate), (i) => y - (lead.values[i] - lead.middle) * tall, look.ink, sheet.mm < 2.6 ? 1 : 1.25);
}

/**
 * A line through samples, `width` px wide, broken where there is none. Drawn as hairlines side by side: a canvas without
 * a GPU strokes a long line of one device pixel a hundred times as fast as any wider one.
 */
function inkLine(context, from, to, x, y, colour, width) {
  const path = new Path2D();
  let pen = false;
  for (let i = from; i < to; i++) {
    const v = y(i);
    if (!Number.isNaN(v)) path[pen ? "lineTo" : "moveTo"](x(i), v);
    pen = !Number.isNaN(v);
  }
  const density = window.devicePixelRatio || 1;
  const lines = Math.ceil(width * density);
  context.strokeStyle = colour;
  context.lineWidth = 1 / density;
  context.lineJoin = "miter";
  for (let k = 0; k < lines; k++) {
    const shift = lines > 1 ? (width - 1 / density) * (k / (lines - 1) - 0.5) : 0;
    context.translate(shift, shift);
    context.stroke(path);
    context.translate(-shift, -shift);
  }
}

/** Heat as a stroke beneath the ink, or as a band over the row's height. */
function drawStrength(context, { ecg, sheet, state, strength, look }, c, number) {
  const lead = ecg.leads[c.lead];
  const [tall, zero] = [pixelsPerUnit(sheet, lead), zeroOf(sheet, number)];
  const x = (i) => xOf(sheet, c, i / ecg.rate);
  const y = (i) => zero - (lead.values[i] - lead.middle) * tall;
  const [from, to] = span(ecg, c);
  const curve = { from, to, step: Math.max(1, Math.round(ecg.rate / 120)), x, y, share: strength[c.lead] };
  if (state.attention !== "band") return heatStroke(context, curve, look, sheet.mm < 2.6 ? 0.75 : 1);
  heatPaths(curve, (path, a, b) => path.rect(x(a), topOf(sheet, number), x(b) - x(a) + 0.5, sheet.high * sheet.mm)).forEach((path, i) => {
    context.fillStyle = `rgba(${stepColour(look, i)},${0.2 + (0.4 * (i + 0.5)) / HEAT_STEPS})`;
    context.fill(path);
  });
}

const stepColour = (look, i) => heat(look.heat, HEAT_FROM + ((i + 0.5) / HEAT_STEPS) * (1 - HEAT_FROM)).join();

/** The parts of a curve by their strength: one path a step of the palette. `add` puts the part from a to b into a path. */
function heatPaths({ from, to, step, y, share }, add) {
  const paths = Array.from({ length: HEAT_STEPS }, () => new Path2D());
  for (let i = from; i + step < to; i += step) {
    let t = 0;
    for (let k = 0; k < step; k++) t = Math.max(t, share[i + k]);
    if (t < HEAT_FROM || Number.isNaN(y(i)) || Number.isNaN(y(i + step))) continue;
    add(paths[Math.min(HEAT_STEPS - 1, Math.floor(((t - HEAT_FROM) / (1 - HEAT_FROM)) * HEAT_STEPS))], i, i + step);
  }
  return paths;
}

/** Heat as a stroke of 5 to 8 px, times `thick`. */
function heatStroke(context, curve, look, thick) {
  const { x, y } = curve;
  const paths = heatPaths(curve, (path, a, b) => {
    path.moveTo(x(a), y(a));
    for (let k = a + 1; k <= b; k++) path.lineTo(x(k), y(k));
  });
  context.lineCap = context.lineJoin = "round";
  paths.forEach((path, i) => {
    context.strokeStyle = `rgb(${stepColour(look, i)})`;
    context.lineWidth = (5 + (3 * (i + 0.5)) / HEAT_STEPS) * thick;
    context.stroke(path);
  });
  context.lineCap = "butt";
}

/** Beats are marked on the rhythm strip, else on the lead that was measured. */
const isMarked = ({ beats, ecg, state }, row) => (isGrid(ecg, state) ? row.rhythm : row.cells[0].lead === beats.lead);

/** A tick for each beat at the foot of the row, and between two the milliseconds from one to the other. */
function drawBeats(context, { sheet, beats, look, soft, ecg }, row, number) {
  const c = row.cells[0];
  const foot = topOf(sheet, number) + sheet.high * sheet.mm - 6;
  let before = null;
  for (const t of beats.seconds) {
    if (t < c.from || t > Math.min(c.to, ecg.seconds)) continue;
    const x = xOf(sheet, c, t);
    context.fillStyle = look.ink;
    context.beginPath();
    context.moveTo(x, foot - 7);
    context.lineTo(x - 4, foot);
    context.lineTo(x + 4, foot);
    context.fill();
    const text = before === null ? "" : `${Math.round((t - before.t) * 1000)}`;
    if (text && x - before.x > 44) plate(context, text, (x + before.x) / 2, foot - 4, look, soft, "400 11px", "center");
    before = { t, x };
  }
}

function drawLabel(context, { ecg, sheet, state, look, soft, words }, row, c, i, number) {
  const { mm } = sheet;
  const lead = ecg.leads[c.lead];
  const [x, y] = [xOf(sheet, c, c.from) + 1.2 * mm, topOf(sheet, number) + 10];
  if (i > 0) {
    context.fillStyle = look.ink;
    context.fillRect(xOf(sheet, c, c.from), zeroOf(sheet, number) - 2.5 * mm, 1, 5 * mm);
  }
  const unit = lead.unit === "mV" ? "" : `, ${lead.unit || words.unit_unknown}`;
  const name = row.rhythm ? `${lead.name}  ${words.rhythm}` : lead.name + unit;
  plate(context, name, x, y, look, look.ink, "600 13px", "left");
  const timed = row.rhythm ? c.from > state.start : !isGrid(ecg, state) && (ecg.seconds > sheet.wide || state.start > 0);
  if (!timed) return;
  const text = `${seconds(c.from)}\u2013${seconds(Math.min(c.to, ecg.seconds))} s`;
  plate(context, text, x + context.measureText(name).width + 10, y, look, soft, "400 12px", "left");
}
