// What is worked out of a recording and of the map over it, and the paper that they are drawn on.

const TWELVE = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
const GAP = -32768;

/** The value below which a share of the sorted list lies. */
const quantile = (sorted, share) => sorted[clamp(Math.round(share * (sorted.length - 1)), 0, sorted.length - 1)];

const seconds = (value) => (value % 1 && value < 1000 ? value.toFixed(1).replace(".0", "") : grouped(value));

/** 1, 2 or 5 times a power of ten, at or above `value`. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((m) => m * power >= value * 0.999);
}

/** One lead in its own unit, its median, and its reach above and below that. */
function takeLead(samples, start, count, factor) {
  const values = new Float32Array(count);
  const known = [];
  const every = Math.max(1, Math.floor(count / 5000));
  for (let i = 0; i < count; i++) {
    const raw = samples[start + i];
    values[i] = raw === GAP ? NaN : raw * factor;
    if (raw !== GAP && i % every === 0) known.push(values[i]);
  }
  known.sort((a, b) => a - b);
  const middle = known.length ? quantile(known, 0.5) : 0;
  return { values, middle, up: known.length ? quantile(known, 0.999) - middle : 0, down: known.length ? middle - quantile(known, 0.001) : 0 };
}

/** How much each sample spoke for the label, smoothed over 60 ms, as a share of the peak over all leads. */
function readStrength({ arrays: { map } }, rate) {
  const [leads, count] = map.shape;
  const half = Math.max(1, Math.round(0.03 * rate));
  const out = [];
  let peak = 0;
  for (let lead = 0; lead < leads; lead++) {
    const row = new Float32Array(count);
    let sum = 0;
    const at = (i) => (i >= 0 && i < count ? Math.max(0, map.data[lead * count + i]) : 0);
    for (let i = -half; i < count; i++) {
      sum += at(i + half) - at(i - half - 1);
      if (i >= 0) peak = Math.max(peak, (row[i] = sum));
    }
    out.push(row);
  }
  for (const row of out) for (let i = 0; i < count; i++) row[i] /= peak || 1;
  return out;
}

/** The recording of a blob: each lead in its own unit; `twelve` holds the places of the usual leads where all are there. */
function readEcg({ header, arrays }) {
  const [leads, count] = arrays.samples.shape;
  const ecg = { rate: header.rate_hz, count, seconds: count / header.rate_hz };
  ecg.leads = Array.from({ length: leads }, (_x, i) => ({
    name: header.leads[i], unit: header.units[i],
    ...takeLead(arrays.samples.data, i * count, count, header.divisors[i] / 1000),
  }));
  const place = (name) => ecg.leads.findIndex((l) => l.unit === "mV" && l.name.toLowerCase() === name.toLowerCase());
  const found = TWELVE.map(place);
  ecg.twelve = found.every((i) => i >= 0) ? found : null;
  return ecg;
}

/** The grid as a picture of its own, drawn again only when its size or colours change. */
function drawPaper(paper, { width, height, mm }, look, density) {
  const name = [width, height, mm, look.ground, density].join();
  if (paper.name === name) return;
  paper.name = name;
  [paper.width, paper.height] = [Math.round(width * density), Math.round(height * density)];
  const context = paper.getContext("2d");
  context.fillStyle = look.ground;
  context.fillRect(0, 0, paper.width, paper.height);
  const lines = (every, colour) => {
    context.fillStyle = colour;
    const thin = Math.max(1, Math.round(density));
    for (let x = 0; x < width / mm; x += every) context.fillRect(Math.round(x * mm * density), 0, thin, paper.height);
    for (let y = 0; y < height / mm; y += every) context.fillRect(0, Math.round(y * mm * density), paper.width, thin);
  };
  if (mm >= 2.6) lines(1, look.one);
  lines(5, look.five);
}

/** Text on a plate of the paper's colour, so that the grid doesn't run through it. */
function plate(context, text, x, y, look, colour, font, align) {
  context.font = `${font} Plex, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = align;
  const wide = context.measureText(text).width;
  const left = align === "right" ? x - wide : align === "center" ? x - wide / 2 : x;
  context.globalAlpha = 0.86;
  context.fillStyle = look.ground;
  context.fillRect(left - 3, y - 8, wide + 6, 16);
  context.globalAlpha = 1;
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
