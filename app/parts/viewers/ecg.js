// An ECG on paper: true millimetres, calibration pulse on every row, calipers, attention beneath the ink.

const PAPER = {
  light: { ground: "#FFFBF8", one: "#F7DDD3", five: "#E9AE9C", ink: "#14181B", heat: HEAT_ON_LIGHT },
  dark: { ground: "#14110F", one: "#211A17", five: "#3D2F28", ink: "#DDE4E8", heat: HEAT_ON_DARK },
};
const PULSE_MM = 10; // width kept for the pulse at the left of every row
const COLUMN_SECONDS = 2.5;
const ROWS_OF_ONE_LEAD = 7;

function createEcg(root) {
  const canvas = root.querySelector("canvas");
  const well = root.querySelector(".well");
  const [paper, sheet] = [document.createElement("canvas"), document.createElement("canvas")];
  const fonts = { ready: false };
  let [data, ecg, strength, state, unwatch] = [null, null, null, null, null];
  let [controls, rows, geometry, dragging] = [{}, [], null, null];
  const words = () => data.words;

  // layout

  const rowSeconds = () => (well.clientWidth < 560 ? 5 : 10) * (25 / state.speed);
  const isGrid = () => ecg.twelve && state.layout === "grid";
  const shownSeconds = () => (ecg.leads.length === 1 ? Math.max(ROWS_OF_ONE_LEAD * 10 * (25 / state.speed), 10) : 10);

  function cell(lead, from, x, seconds) {
    return { lead, from, to: from + seconds, x };
  }

  /** Rows of cells: each shows `lead` from one second to another, `x` mm right of the pulse. */
  function layRows() {
    const wide = rowSeconds();
    const end = Math.min(ecg.seconds, state.start + shownSeconds());
    const laid = [];
    if (isGrid()) {
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
    } else {
      for (let t = state.start; t < end - 0.05; t += wide)
        for (let lead = 0; lead < ecg.leads.length; lead++) laid.push({ cells: [cell(lead, t, 0, wide)], later: t > state.start });
    }
    return laid;
  }

  /** Millimetres of one unit of a lead: the gain for mV, a round figure for anything else. */
  const mmPerUnit = (lead, high) => {
    if (ecg.leads[lead].unit === "mV") return state.gain;
    const reach = Math.max(ecg.leads[lead].up + ecg.leads[lead].down, 1e-6);
    return 10 / nice((reach * 10) / (high - 8));
  };

  function measure() {
    rows = layRows();
    const width = well.clientWidth;
    const mm = width / (PULSE_MM + rowSeconds() * state.speed);
    const used = new Set(rows.flatMap((r) => r.cells.map((c) => c.lead)).filter((i) => ecg.leads[i].unit === "mV"));
    const reach = (side) => Math.max(0.3, ...[...used].map((i) => ecg.leads[i][side]));
    const [up, down] = [Math.min(reach("up"), 3) * state.gain, Math.min(reach("down"), 3) * state.gain];
    const room = clamp(window.innerHeight - 330, 420, 700) / mm;
    const high = clamp(room / rows.length, clamp(0.75 * (up + down) + 5, 15, 46), 36);
    const baseline = clamp((high + up - down) / 2 + 1, Math.min(12, high - 4), high - 4);
    geometry = { width, mm, high, baseline, height: Math.round(rows.length * high * mm) };
  }

  // drawing

  function draw() {
    if (!ecg || !root.isConnected) return;
    root.classList.toggle("narrow", well.clientWidth < 560);
    measure();
    const look = PAPER[isDark(root) ? "dark" : "light"];
    well.style.height = `${geometry.height}px`;
    const context = fitCanvas(canvas, geometry.width, geometry.height);
    drawSheet(look);
    context.drawImage(sheet, 0, 0, geometry.width, geometry.height);
    if (state.legs) drawCalipers(context, look, colours(root, ["human"]).human);
    sync(look);
  }

  /** Paper, traces and labels, kept as a picture: calipers move over it at the price of one copy. */
  function drawSheet(look) {
    const density = window.devicePixelRatio || 1;
    const { calipers, legs, ...shown } = state;
    const name = JSON.stringify([geometry, density, look.ground, shown, fonts.ready]);
    if (sheet.name === name && sheet.strength === strength) return;
    Object.assign(sheet, { name, strength });
    const context = fitCanvas(sheet, geometry.width, geometry.height);
    drawPaper(paper, geometry, look, density);
    context.drawImage(paper, 0, 0, geometry.width, geometry.height);
    rows.forEach((row, number) => {
      const top = number * geometry.high * geometry.mm;
      const y = top + geometry.baseline * geometry.mm;
      if (strength && state.attention !== "off") for (const c of row.cells) drawStrength(context, c, y, top, look);
      drawPulse(context, row, y, look);
      for (const c of row.cells) drawTrace(context, c, y, look);
      row.cells.forEach((c, i) => drawLabel(context, row, c, i, top, y, look));
    });
    plate(context, scaleText(), geometry.width - 10, geometry.height - 10, look, colours(root, ["soft"]).soft, "400 12px", "right");
  }

  const scaleText = () =>
    `${state.speed} mm/s   ` + (ecg.leads.some((l) => l.unit === "mV") ? `${state.gain} mm/mV` : "");

  const xOf = (c, t) => (PULSE_MM + c.x + (t - c.from) * state.speed) * geometry.mm;
  const span = (c) => [Math.max(0, Math.floor(c.from * ecg.rate)), Math.min(ecg.count, Math.ceil(c.to * ecg.rate))];

  function drawPulse(context, row, y, look) {
    const { mm, high } = geometry;
    const lead = ecg.leads[row.cells[0].lead];
    const at = (value) => Math.round(value) + 0.5; // whole pixels: the pulse is what the eye measures by
    const [x, foot, top] = [1.8 * mm, at(y), at(y - (lead.unit === "mV" ? state.gain : 10) * mm)];
    context.strokeStyle = look.ink;
    context.lineWidth = 1;
    context.lineJoin = "miter";
    context.beginPath();
    context.moveTo(at(x - 0.8 * mm), foot);
    for (const [u, v] of [[x, foot], [x, top], [x + 5 * mm, top], [x + 5 * mm, foot], [x + 5.8 * mm, foot]]) context.lineTo(at(u), v);
    context.stroke();
    if (lead.unit !== "mV") {
      const text = `${Number((10 / mmPerUnit(row.cells[0].lead, high)).toPrecision(3))} ${lead.unit || words().unit_unknown}`;
      plate(context, text, x - 0.8 * mm, y + 12, look, look.ink, "400 11px", "left");
    }
  }

  function drawTrace(context, c, y, look) {
    const lead = ecg.leads[c.lead];
    const tall = mmPerUnit(c.lead, geometry.high) * geometry.mm;
    const [from, to] = span(c);
    context.strokeStyle = look.ink;
    context.lineWidth = geometry.mm < 2.6 ? 1 : 1.25;
    context.lineJoin = "round";
    context.beginPath();
    let pen = false;
    for (let i = from; i < to; i++) {
      const v = lead.values[i];
      if (Number.isNaN(v)) {
        pen = false;
        continue;
      }
      const x = xOf(c, i / ecg.rate);
      if (pen) context.lineTo(x, y - (v - lead.middle) * tall);
      else context.moveTo(x, y - (v - lead.middle) * tall);
      pen = true;
    }
    context.stroke();
  }

  /** Heat as a stroke of 5 to 8 px beneath the ink, or as a band over the row's height. */
  function drawStrength(context, c, y, top, look) {
    const lead = ecg.leads[c.lead];
    const share = strength[c.lead];
    const tall = mmPerUnit(c.lead, geometry.high) * geometry.mm;
    const [from, to] = span(c);
    const step = Math.max(1, Math.round(ecg.rate / 120));
    const steps = 10;
    const paths = Array.from({ length: steps }, () => new Path2D());
    for (let i = from; i + step < to; i += step) {
      let t = 0;
      for (let k = 0; k < step; k++) t = Math.max(t, share[i + k]);
      const [a, b] = [lead.values[i], lead.values[i + step]];
      if (t < HEAT_FROM || Number.isNaN(a) || Number.isNaN(b)) continue;
      const path = paths[Math.min(steps - 1, Math.floor(((t - HEAT_FROM) / (1 - HEAT_FROM)) * steps))];
      const [x1, x2] = [xOf(c, i / ecg.rate), xOf(c, (i + step) / ecg.rate)];
      if (state.attention === "band") path.rect(x1, top, x2 - x1 + 0.5, geometry.high * geometry.mm);
      else {
        path.moveTo(x1, y - (a - lead.middle) * tall);
        for (let k = 1; k <= step; k++) path.lineTo(xOf(c, (i + k) / ecg.rate), y - (lead.values[i + k] - lead.middle) * tall);
      }
    }
    context.lineCap = context.lineJoin = "round";
    paths.forEach((path, i) => {
      const t = (i + 0.5) / steps;
      const colour = heat(look.heat, HEAT_FROM + t * (1 - HEAT_FROM)).join();
      if (state.attention === "band") {
        context.fillStyle = `rgba(${colour},${0.2 + 0.4 * t})`;
        context.fill(path);
      } else {
        context.strokeStyle = `rgb(${colour})`;
        context.lineWidth = (5 + 3 * t) * (geometry.mm < 2.6 ? 0.75 : 1);
        context.stroke(path);
      }
    });
    context.lineCap = "butt";
  }

  function drawLabel(context, row, c, i, top, y, look) {
    const { mm } = geometry;
    const x = xOf(c, c.from) + 1.2 * mm;
    const lead = ecg.leads[c.lead];
    if (i > 0) {
      context.fillStyle = look.ink;
      context.fillRect(xOf(c, c.from), y - 2.5 * mm, 1, 5 * mm);
    }
    const unit = lead.unit === "mV" ? "" : `, ${lead.unit || words().unit_unknown}`;
    const timed = row.rhythm ? c.from > state.start : !isGrid() && (ecg.seconds > rowSeconds() || state.start > 0);
    const long = timed ? `  ${seconds(c.from)}\u2013${seconds(Math.min(c.to, ecg.seconds))} s` : "";
    const name = row.rhythm ? `${lead.name}  ${words().rhythm}` : lead.name + unit;
    plate(context, name, x, top + 10, look, look.ink, "600 13px", "left");
    if (long) {
      const wide = context.measureText(name).width;
      plate(context, long.trim(), x + wide + 10, top + 10, look, colours(root, ["soft"]).soft, "400 12px", "left");
    }
  }

  function measured() {
    const { t0, t1, v0, v1, row } = state.legs;
    const lead = ecg.leads[rows[row]?.cells[0].lead ?? 0];
    const seconds = Math.abs(t1 - t0);
    const parts = [`${Math.round(seconds * 1000)} ms`];
    if (seconds >= 0.2 && seconds <= 3) parts.push(`${Math.round(60 / seconds)}\u202f/min`);
    if (Math.abs(v1 - v0) >= 0.05) parts.push(`${(v1 - v0).toFixed(2).replace("-", "\u2212")} ${lead.unit}`);
    return parts.join("  ");
  }

  function drawCalipers(context, look, colour) {
    const { row, t0, t1, cell: c } = state.legs;
    if (!rows[row]) return;
    const top = row * geometry.high * geometry.mm;
    const bottom = top + geometry.high * geometry.mm;
    const [x0, x1] = [xOf(c, t0), xOf(c, t1)];
    context.strokeStyle = colour;
    context.lineWidth = 1.4;
    context.beginPath();
    for (const x of [x0, x1]) {
      context.moveTo(x, top + 18);
      context.lineTo(x, bottom - 4);
    }
    context.stroke();
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x0, top + 26);
    context.lineTo(x1, top + 26);
    context.stroke();
    context.setLineDash([]);
    const half = 60;
    plate(context, measured(), clamp((x0 + x1) / 2, half, geometry.width - half), top + 12, look, colour, "600 13px", "center");
  }

  // controls and words

  function sync(look) {
    for (const name of ["gain", "speed", "attention", "layout"]) controls[name]?.set(state[name]);
    controls.calipers.button.setAttribute("aria-pressed", String(state.calipers));
    if (controls.start) {
      controls.start.input.max = Math.max(0, ecg.seconds - shownSeconds());
      controls.start.input.value = state.start;
      const end = Math.min(ecg.seconds, state.start + shownSeconds());
      controls.start.value.textContent = fill(words().shown, { from: seconds(state.start), to: seconds(end), all: seconds(ecg.seconds) });
    }
    const name = `${state.attention} ${look.ground} ${!!strength}`;
    if (root.shownLegend !== name) {
      root.shownLegend = name;
      root.querySelector(".legend").replaceChildren(...(strength && state.attention !== "off" ? legend(words(), look.heat) : []));
    }
    root.querySelector(".scale").textContent = fill(words().scale, { n: geometry.mm.toFixed(2) });
    const kind = fill(words().kind, { n: ecg.leads.length, leads: ecg.leads.map((l) => l.name).join(", "), s: ecg.seconds.toFixed(0) });
    canvas.setAttribute("aria-label", [kind, scaleText().replace(/ {2,}/, ", "), strength && state.attention !== "off" ? data.label : ""].filter(Boolean).join(". "));
    root.viewState = { ...state, ready: true, mm: geometry.mm, rows: rows.length, seconds: ecg.seconds, attentionHere: !!strength, measured: state.legs ? measured() : "" };
  }

  const redraw = framed(draw);
  const say = () => (root.querySelector(".read").textContent = state?.legs ? measured() : scaleText());
  const change = (act) => {
    if (!ecg) return;
    act();
    state.start = clamp(state.start, 0, Math.max(0, ecg.seconds - shownSeconds()));
    redraw();
    requestAnimationFrame(() => requestAnimationFrame(say));
  };

  function build() {
    const w = words();
    const pick = (name, then) => (v) => change(() => ((state[name] = v), then?.()));
    controls = {
      gain: choice(w.gain, [[5, "5"], [10, "10"], [20, "20 mm/mV"]], pick("gain"), true),
      speed: choice(w.speed, [[25, "25"], [50, "50 mm/s"]], pick("speed", () => (state.legs = null)), true),
    };
    const tools = [controls.gain, controls.speed];
    if (ecg.twelve) {
      controls.layout = choice(w.layout, [["grid", w.grid], ["stacked", w.stacked]], pick("layout", () => (state.legs = null)));
      controls.layout.classList.add("extra");
      tools.push(controls.layout);
    }
    if (strength) {
      controls.attention = choice(w.attention, [["off", w.off], ["trace", w.trace], ["band", w.band]], pick("attention"), true);
      tools.push(controls.attention);
    }
    const button = h("button", { type: "button", "aria-pressed": "false", onclick: () => change(toggleCalipers) }, w.calipers);
    controls.calipers = h("span", { class: "control" }, h("span", { class: "group" }, button));
    controls.calipers.button = button;
    tools.push(controls.calipers);
    if (ecg.seconds > shownSeconds() + 0.5) tools.push((controls.start = buildStart(w)));
    for (const first of [controls.gain, controls.attention, controls.calipers]) first?.classList.add("first");
    controls.speed.classList.add("extra");
    const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => {
      more.setAttribute("aria-expanded", String(root.classList.toggle("open")));
    } }, w.more);
    tools.push(h("span", { class: "control more first" }, h("span", { class: "group" }, more)));
    root.querySelector(".tools").replaceChildren(...tools);
    root.querySelector(".keys").textContent = w.keys;
  }

  function buildStart(w) {
    const move = (seconds) => change(() => ((state.start += seconds), (state.legs = null)));
    const input = h("input", { type: "range", min: 0, step: 1, "aria-label": w.start, oninput: () => change(() => ((state.start = Number(input.value)), (state.legs = null))) });
    const value = h("span", { class: "label" });
    const step = (text, sign, name) => h("button", { type: "button", "aria-label": name, onclick: () => move(sign * shownSeconds()) }, text);
    const node = h("span", { class: "control" }, h("span", { class: "group" }, step("\u2039", -1, w.earlier), step("\u203a", 1, w.later)), input, value);
    return Object.assign(node, { input, value });
  }

  function toggleCalipers() {
    state.calipers = !state.calipers;
    if (!state.calipers) state.legs = null;
    else if (!state.legs) setDefaultLegs();
  }

  function setDefaultLegs() {
    const row = rows.length - 1;
    const c = rows[row].cells[0];
    const middle = (c.from + Math.min(c.to, ecg.seconds)) / 2;
    state.legs = { row, cell: c, t0: middle - 0.4, t1: middle + 0.4, v0: 0, v1: 0 };
  }

  // pointer and keys

  function spot(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = clamp(Math.floor(y / (geometry.high * geometry.mm)), 0, rows.length - 1);
    const mmX = x / geometry.mm - PULSE_MM;
    const c = rows[row].cells.findLast((k) => k.x <= mmX) ?? rows[row].cells[0];
    const zero = (row * geometry.high + geometry.baseline) * geometry.mm;
    return { row, cell: c, t: c.from + (mmX - c.x) / state.speed, v: (zero - y) / (mmPerUnit(c.lead, geometry.high) * geometry.mm), x };
  }

  canvas.onpointerdown = (event) => {
    if (!ecg) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const at = spot(event);
    const pan = controls.start && !state.calipers;
    dragging = { ...at, pan, startAt: state.start };
  };
  canvas.onpointermove = (event) => {
    if (!dragging) return;
    const at = spot(event);
    if (dragging.pan) {
      const moved = (dragging.x - at.x) / (geometry.mm * state.speed);
      state.start = clamp(dragging.startAt + moved, 0, Math.max(0, ecg.seconds - shownSeconds()));
    } else {
      const { row, cell: c, t, v } = dragging;
      const scale = geometry.mm * state.speed;
      state.calipers = true;
      state.legs = { row, cell: c, t0: t, t1: t + (at.x - dragging.x) / scale, v0: v, v1: at.row === row ? at.v : v };
    }
    redraw();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (dragging) (dragging = null), say();
  };

  canvas.onkeydown = (event) => {
    if (!ecg || event.ctrlKey || event.metaKey || event.altKey) return;
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const gains = [5, 10, 20];
    const louder = (d) => () => (state.gain = gains[clamp(gains.indexOf(state.gain) + d, 0, 2)]);
    const next = { off: "trace", trace: "band", band: "off" };
    const acts = {
      o: () => strength && (state.attention = next[state.attention]),
      c: toggleCalipers,
      "+": louder(1), "=": louder(1), "-": louder(-1),
      0: () => Object.assign(state, { gain: 10, speed: 25, start: 0, legs: null, calipers: false }),
      Escape: () => { Object.assign(state, { legs: null, calipers: false }); canvas.blur(); },
    };
    acts.m = acts.o;
    const act = side ? () => arrow(side, event.shiftKey) : acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    change(act);
  };

  function arrow(side, shift) {
    if (controls.start && !state.calipers) state.start += side;
    else {
      state.calipers = true;
      if (!state.legs) setDefaultLegs();
      state.legs[shift ? "t0" : "t1"] += side * 0.01;
    }
  }

  // loading

  async function show(given) {
    const same = data?.key === given.key;
    const mine = (data = given);
    const shown = wellState(root, given.words, () => show(given));
    if (!same) {
      [ecg, strength] = [null, null];
      state = { gain: 10, speed: 25, layout: "grid", attention: "trace", start: 0, calipers: false, legs: null };
      canvas.setAttribute("aria-label", given.words.loading);
      well.style.height = "420px";
      shown.loading();
    }
    try {
      const [blob, map] = await Promise.all([fetchBlob(given.input), given.map ? fetchBlob(given.map) : null]);
      if (data !== mine) return;
      if (!ecg) ecg = readEcg(blob);
      strength = map?.arrays.map ? readStrength(map, ecg.rate) : null;
      build();
      shown.done();
      draw();
      say();
    } catch (error) {
      if (data === mine) (shown.failed(), (root.viewState = { ready: false, error: String(error) }));
    }
  }

  Promise.all(["400 12px Plex", "600 13px Plex"].map((f) => document.fonts.load(f))).then(() => ((fonts.ready = true), redraw()));
  unwatch = watch(root, well, redraw);
  return { show, stop: () => unwatch() };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createEcg(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
  return () => root.viewer.stop();
}
