// Where each lead lies on the paper: rows of cells, laid in millimetres and drawn in pixels.

const PULSE_MM = 10; // width kept for the pulse at the left of every row
const COLUMN_SECONDS = 2.5;
const ROWS_OF_ONE_LEAD = 7;

const isNarrow = (width) => width < 560;
const isGrid = (ecg, state) => ecg.twelve && state.layout === "grid";
const rowSeconds = (width, speed) => (isNarrow(width) ? 5 : 10) * (25 / speed);
const shownSeconds = (ecg, state) => (ecg.leads.length === 1 ? Math.max(ROWS_OF_ONE_LEAD * 10 * (25 / state.speed), 10) : 10);

/** Rows of cells: each shows `lead` from one second to another, `x` mm right of the pulse. */
function layRows(ecg, state, wide) {
  const cell = (lead, from, x, seconds) => ({ lead, from, to: from + seconds, x });
  const end = Math.min(ecg.seconds, state.start + shownSeconds(ecg, state));
  const laid = [];
  if (!isGrid(ecg, state)) {
    for (let t = state.start; t < end - 0.05; t += wide)
      for (let lead = 0; lead < ecg.leads.length; lead++) laid.push({ cells: [cell(lead, t, 0, wide)] });
    return laid;
  }
  const columns = Math.max(1, Math.round(wide / COLUMN_SECONDS));
  const each = wide / columns;
  for (let block = 0; block < 4; block += columns)
    for (let r = 0; r < 3; r++) {
      const cells = [];
      for (let c = 0; c < columns && block + c < 4; c++)
        cells.push(cell(ecg.twelve[3 * (block + c) + r], state.start + each * c, each * c * state.speed, each));
      laid.push({ cells });
    }
  for (let t = state.start; t < end - 0.05; t += wide) laid.push({ cells: [cell(ecg.twelve[1], t, 0, wide)], rhythm: true });
  return laid;
}

/** The sheet for a well of `width` pixels, in which about `room` pixels of height are to be had. */
function layout(ecg, state, width, room) {
  const { speed, gain } = state;
  const wide = rowSeconds(width, speed);
  const rows = layRows(ecg, state, wide);
  const mm = width / (PULSE_MM + wide * speed);
  const used = new Set(rows.flatMap((r) => r.cells.map((c) => c.lead)).filter((i) => ecg.leads[i].unit === "mV"));
  const reach = (side) => Math.max(0.3, ...[...used].map((i) => ecg.leads[i][side]));
  const [up, down] = [Math.min(reach("up"), 3) * gain, Math.min(reach("down"), 3) * gain];
  const high = clamp(room / mm / rows.length, clamp(0.75 * (up + down) + 5, 15, 46), 36);
  const baseline = clamp((high + up - down) / 2 + 1, Math.min(12, high - 4), high - 4);
  return { rows, width, mm, high, baseline, speed, gain, wide, height: Math.round(rows.length * high * mm) };
}

/** Millimetres of one unit of a lead: the gain for mV, a round figure for anything else. */
function mmPerUnit(sheet, lead) {
  if (lead.unit === "mV") return sheet.gain;
  return 10 / nice((Math.max(lead.up + lead.down, 1e-6) * 10) / (sheet.high - 8));
}

const xOf = (sheet, c, t) => (PULSE_MM + c.x + (t - c.from) * sheet.speed) * sheet.mm;
const topOf = (sheet, row) => row * sheet.high * sheet.mm;
const zeroOf = (sheet, row) => topOf(sheet, row) + sheet.baseline * sheet.mm;
const pixelsPerUnit = (sheet, lead) => mmPerUnit(sheet, lead) * sheet.mm;

/** The samples of a cell: first, and one past the last. */
const span = (ecg, c) => [Math.max(0, Math.floor(c.from * ecg.rate)), Math.min(ecg.count, Math.ceil(c.to * ecg.rate))];

/** What lies at a place of the canvas: row, cell, second, and value above the lead's middle. */
function spotAt(ecg, sheet, x, y) {
  const row = clamp(Math.floor(y / (sheet.high * sheet.mm)), 0, sheet.rows.length - 1);
  const right = x / sheet.mm - PULSE_MM;
  const c = sheet.rows[row].cells.findLast((k) => k.x <= right) ?? sheet.rows[row].cells[0];
  const v = (zeroOf(sheet, row) - y) / pixelsPerUnit(sheet, ecg.leads[c.lead]);
  return { row, cell: c, t: c.from + (right - c.x) / sheet.speed, v, x, y };
}
