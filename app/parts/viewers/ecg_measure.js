// What was measured of the recording: the strip of figures, and the average beat with the model's attention on it.

const BEAT_ROOM = 96; // pixels of height for one row of average beats, at most
const NAME_ROOM = 20; // of which this much for the lead's name
const FEW = 3; // up to this many leads are drawn at twice the scale

/** The measurements of a recording. null where none came: not an ECG, or nothing here measures; asked again next time. */
async function fetchMeasure(url) {
  if (!url) return null;
  const known = (window.medcoreMeasures ??= new Map());
  if (!known.has(url)) {
    const got = fetch(url, { credentials: "same-origin" }).then((reply) => {
      if (!reply.ok) throw new Error(`${reply.status}`);
      return reply.json();
    });
    got.catch(() => known.delete(url));
    known.set(url, got);
  }
  return known.get(url).catch(() => null);
}

/** Beats in seconds, and the lead that they were found in. */
function beatsOf(measure, ecg) {
  if (!measure?.r_peaks?.length) return null;
  const lead = Math.max(0, ecg.leads.findIndex((l) => l.name === measure.lead));
  return { lead, seconds: measure.r_peaks.map((sample) => sample / ecg.rate) };
}

/** The figures as a list of terms; what could not be measured says so. */
function figures(measure, words) {
  const item = (name, value) =>
    h("div", {}, h("dt", {}, name), h("dd", value === null ? { class: "none" } : {}, value ?? words.not_measurable));
  const ms = (value) => (value == null ? null : `${Math.round(value)}\u202fms`);
  const rate = measure.rate_bpm == null ? null : `${Math.round(measure.rate_bpm)}\u202f/min`;
  const fit = measure.einthoven_mv == null ? [] : [item("I + III \u2212 II", `${measure.einthoven_mv.toFixed(3)}\u202fmV`)];
  const items = [
    item(words.rate, rate), item("PR", ms(measure.pr_ms)), item("QRS", ms(measure.qrs_ms)), item("QT", ms(measure.qt_ms)),
    item("QTc Bazett", ms(measure.qtc_bazett_ms)), item("QTc Fridericia", ms(measure.qtc_fridericia_ms)),
    item(words.lead, measure.lead), ...fit,
  ];
  const remarks = (measure.remarks ?? []).map((text) =>
    h("p", { class: "remark" }, h("span", { class: "ico", "aria-hidden": "true" }, "warning"), h("span", {}, text)),
  );
  return [h("dl", { "aria-label": words.measures }, ...items), ...remarks];
}

/** The attention of a lead, averaged over its beats onto the average beat's own samples. */
function beatStrength(share, measure, rate) {
  const count = Object.values(measure.beat)[0].length;
  const out = new Float32Array(count);
  const step = rate / measure.beat_rate_hz;
  let used = 0;
  for (const r of measure.r_peaks) {
    const first = Math.round(r - measure.beat_r_index * step);
    if (first < 0 || first + count * step >= share.length) continue;
    used++;
    for (let k = 0; k < count; k++) out[k] += share[Math.round(first + k * step)];
  }
  return used ? out.map((v) => v / used) : out;
}

/** Where P, QRS, ST and T lie on the average beat, in its samples: the median over the beats of what was delineated. */
function wavesOf(measure, rate) {
  const [step, peaks] = [rate / measure.beat_rate_hz, measure.r_peaks];
  return ["P", "QRS", "ST", "T"].flatMap((kind) => {
    const [from, to] = [[], []];
    for (const { start, end } of measure.segments.filter((s) => s.kind === kind)) {
      const r = kind === "ST" || kind === "T" ? peaks.findLast((p) => p <= start) : peaks.find((p) => p >= start);
      if (r !== undefined) (from.push(start - r), to.push(end - r));
    }
    const at = (offsets) => Math.round(measure.beat_r_index + quantile(offsets.sort((a, b) => a - b), 0.5) / step);
    return from.length ? [{ kind, from: Math.max(0, at(from)), to: at(to) }] : [];
  });
}

/** How much of the beats' attention lies in each wave, over all leads. */
function shareOfWaves(waves, beats) {
  const sum = (from, to) => beats.reduce((all, { share }) => all + share.subarray(from, to).reduce((a, b) => a + b, 0), 0);
  const all = sum(0) || 1;
  return waves.map((wave) => ({ ...wave, share: sum(wave.from, wave.to) / all }));
}

/** The average beat of each lead, with its attention as a share of the greatest among them. null where there is none. */
function readBeats(measure, ecg, strength) {
  if (!measure?.beat || !measure.r_peaks?.length) return null;
  const leads = ecg.leads.flatMap((lead, i) => (measure.beat[lead.name] && lead.unit === "mV" ? [{ name: lead.name, i }] : []));
  if (!leads.length) return null;
  const beats = leads.map(({ name, i }) => {
    const values = Float32Array.from(measure.beat[name], (v) => v ?? NaN);
    const known = [...values].filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
    return { name, values, middle: known.length ? quantile(known, 0.5) : 0, share: strength && beatStrength(strength[i], measure, ecg.rate) };
  });
  const peak = Math.max(...beats.map((b) => (b.share ? Math.max(...b.share) : 0))) || 1;
  for (const b of beats) b.share &&= b.share.map((v) => v / peak);
  const waves = wavesOf(measure, ecg.rate);
  return { beats, waves: strength ? shareOfWaves(waves, beats) : waves, rate: measure.beat_rate_hz, seconds: beats[0].values.length / measure.beat_rate_hz };
}

/** Where each average beat stands: all at one scale, the paper's own where that fits, few leads at twice that. */
function layBeats({ beats, seconds }, sheet) {
  const across = Math.min(beats.length, isNarrow(sheet.width) ? 6 : 12);
  const times = beats.length <= FEW ? 2 : 1;
  const cell = sheet.width / Math.max(across, times === 2 ? 2 : 6);
  const perSecond = Math.min(25 * sheet.mm * times, (cell - 8) / seconds);
  const most = BEAT_ROOM * Math.min(times, 1.6);
  const reach = (side) => Math.max(0.1, ...beats.flatMap((b) => [...b.values].filter((v) => !Number.isNaN(v)).map((v) => side * (v - b.middle))));
  const [up, down] = [reach(1), reach(-1)];
  const tall = Math.min(sheet.gain * sheet.mm * times, (most - NAME_ROOM - 6) / (up + down));
  const high = Math.min(most, Math.ceil(NAME_ROOM + (up + down) * tall + 10)); // the waves are marked beneath
  const [speed, gain] = [perSecond / sheet.mm, tall / sheet.mm];
  return { across, cell, perSecond, tall, high, zero: NAME_ROOM + up * tall, speed, gain, height: Math.ceil(beats.length / across) * high };
}

function paintBeats(context, average, laid, look, attention) {
  average.beats.forEach((beat, n) => {
    const left = (n % laid.across) * laid.cell + 4;
    const top = Math.floor(n / laid.across) * laid.high;
    const x = (i) => left + (i / average.rate) * laid.perSecond;
    const y = (i) => top + laid.zero - (beat.values[i] - beat.middle) * laid.tall;
    const curve = { from: 0, to: beat.values.length, step: Math.max(1, Math.round(average.rate / 120)), x, y, share: beat.share };
    if (beat.share && attention !== "off") heatStroke(context, curve, look, 0.8);
    inkLine(context, 0, beat.values.length, x, y, look.ink, 1.25);
    context.fillStyle = look.soft;
    for (const { from, to } of average.waves) context.fillRect(x(from) + 1, top + laid.high - 3, x(to) - x(from) - 2, 2);
    context.fillStyle = look.ink;
    context.font = "600 12px Plex, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(beat.name, left, top + 10);
  });
}
