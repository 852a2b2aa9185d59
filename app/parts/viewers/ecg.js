// An ECG on paper: true millimetres, calibration pulse on every row, calipers, beats, attention beneath the ink.

const PAPER = {
  light: { ground: "#FFFBF8", one: "#F7DDD3", five: "#E9AE9C", ink: "#14181B", heat: HEAT_ON_LIGHT },
  dark: { ground: "#14110F", one: "#211A17", five: "#3D2F28", ink: "#DDE4E8", heat: HEAT_ON_DARK },
};
const GAINS = [5, 10, 20];
const FRESH = { gain: 10, speed: 25, start: 0, legs: null, calipers: false };

function createEcg(root) {
  const [canvas, average] = root.querySelectorAll("canvas");
  const [well, panel] = [root.querySelector(".well"), root.querySelector(".beats")];
  const [paper, drawn] = [document.createElement("canvas"), document.createElement("canvas")];
  const fonts = { ready: false };
  let [data, ecg, strength, measure, beats, state, sheet] = [null, null, null, null, null, null, null];
  let [averaged, controls, dragging, unwatch] = [null, {}, null, null];
  const words = () => data.words;
  const link = linkEnd(root, {
    view: () => ecg && { gain: state.gain, speed: state.speed, layout: state.layout, start: state.start },
    adopt: (view) => ecg && (Object.assign(state, view, { legs: view.speed === state.speed && view.layout === state.layout ? state.legs : null }), bound(), redraw()),
    turned: (on) => controls.together?.set(on),
  });

  // drawing

  function draw() {
    if (!ecg || !root.isConnected) return;
    const width = well.clientWidth;
    root.classList.toggle("narrow", isNarrow(width));
    sheet = layout(ecg, state, width, clamp(window.innerHeight - (data.measure ? 400 : 330), 400, 700));
    const look = { ...PAPER[isDark(root) ? "dark" : "light"], ...(greyed(data.map) && { heat: HEAT_GREY }) };
    well.style.height = `${sheet.height}px`;
    const context = fitCanvas(canvas, sheet.width, sheet.height);
    drawSheet(look);
    context.drawImage(drawn, 0, 0, sheet.width, sheet.height);
    if (state.legs) drawCalipers(context, ecg, sheet, state.legs, look, colours(root, ["human"]).human);
    sync(look);
  }

  /** Paper, traces and labels, kept as a picture: calipers move over it at the price of one copy. */
  function drawSheet(look) {
    const density = window.devicePixelRatio || 1;
    const { calipers, legs, ...shown } = state;
    const name = JSON.stringify([sheet.width, sheet.height, sheet.mm, density, look.ground, look.heat[0], shown, fonts.ready]);
    if (drawn.name === name && drawn.strength === strength && drawn.beats === beats) return;
    Object.assign(drawn, { name, strength, beats });
    const context = fitCanvas(drawn, sheet.width, sheet.height);
    drawPaper(paper, sheet, look, density);
    context.drawImage(paper, 0, 0, sheet.width, sheet.height);
    paintSheet(context, { ecg, sheet, state, strength, beats, look, words: words(), soft: colours(root, ["soft"]).soft });
    drawAverage(look);
  }

  function drawAverage(look) {
    panel.hidden = !averaged;
    const name = JSON.stringify([sheet.width, sheet.mm, sheet.gain, look.ground, look.heat[0], state.attention, fonts.ready]);
    if (!averaged || (average.name === name && average.of === averaged)) return;
    Object.assign(average, { name, of: averaged });
    const laid = layBeats(averaged, sheet);
    const context = fitCanvas(average, sheet.width, laid.height);
    context.clearRect(0, 0, sheet.width, laid.height);
    paintBeats(context, averaged, laid, { ...look, ...beatInk() }, state.attention);
    const scale = fill(words().beat_scale, { speed: laid.speed.toFixed(0), gain: laid.gain.toFixed(0) });
    const caption = `${averaged.beats.length === 1 ? words().average_one : words().average}, ${scale}`;
    panel.querySelector(".caption").replaceChildren(h("span", {}, caption + byWave()), h("span", {}, words().measured_by));
    average.setAttribute("aria-label", `${caption}: ${averaged.beats.map((b) => b.name).join(", ")}${byWave()}`);
  }

  // controls and words

  const measured = () => (state.legs ? spanned(state.legs, ecg.leads[state.legs.cell.lead].unit) : "");
  const beatInk = () => {
    const { text, soft } = colours(root, ["text", "soft"]);
    return { ink: text, soft };
  };
  /** The attention by wave in words; of a map that isn't to be relied on none. */
  function byWave() {
    if (!shownMap() || greyed(data.map) || !averaged.waves.length) return "";
    return `. ${words().attention}: ${averaged.waves.map((wave) => `${wave.kind} ${Math.round(100 * wave.share)}\u202f%`).join(", ")}`;
  }
  const shownMap = () => strength && state.attention !== "off";

  function sync(look) {
    for (const name of ["gain", "speed", "attention", "layout", "calipers", "beats"]) controls[name]?.set(state[name]);
    if (controls.start) {
      controls.start.input.max = Math.max(0, ecg.seconds - shownSeconds(ecg, state));
      controls.start.input.value = state.start;
      const end = Math.min(ecg.seconds, state.start + shownSeconds(ecg, state));
      controls.start.value.textContent = fill(words().shown, { from: seconds(state.start), to: seconds(end), all: seconds(ecg.seconds) });
    }
    const name = `${state.attention} ${look.ground} ${look.heat[0]} ${!!strength}`;
    if (root.shownLegend !== name) {
      root.shownLegend = name;
      root.querySelector(".legend").replaceChildren(...(shownMap() ? legend(words(), look.heat) : []));
    }
    root.querySelector(".scale").textContent = fill(words().scale, { n: sheet.mm.toFixed(2) });
    canvas.style.touchAction = state.calipers ? "none" : "pan-y"; // a finger scrolls the page until it is to measure
    const kind = fill(words().kind, { n: ecg.leads.length, leads: ecg.leads.map((l) => l.name).join(", "), s: ecg.seconds.toFixed(0) });
    canvas.setAttribute("aria-label", [kind, scaleText(ecg, state).replace(/ {2,}/, ", "), shownMap() ? data.label : ""].filter(Boolean).join(". "));
    root.viewState = { ...state, ready: true, mm: sheet.mm, rows: sheet.rows.length, seconds: ecg.seconds, attentionHere: !!strength, measured: measured(), beatsHere: beats?.seconds ?? null, averageHere: averaged?.beats.length ?? 0 };
  }

  const redraw = framed(draw);
  const say = () => state && ecg && (root.querySelector(".read").textContent = measured() || scaleText(ecg, state));
  const bound = () => (state.start = clamp(state.start, 0, Math.max(0, ecg.seconds - shownSeconds(ecg, state))));
  const change = (act) => {
    if (!ecg) return;
    act();
    bound();
    link.tell();
    redraw();
    requestAnimationFrame(() => requestAnimationFrame(say));
  };

  function build() {
    const w = words();
    const pick = (name, then) => (v) => change(() => ((state[name] = v), then?.()));
    const anew = () => (state.legs = null);
    const flip = (name) => change(() => (state[name] = !state[name]));
    controls = {
      gain: choice(w.gain, [[5, "5"], [10, "10"], [20, "20 mm/mV"]], pick("gain")),
      speed: choice(w.speed, [[25, "25"], [50, "50 mm/s"]], pick("speed", anew)),
      layout: ecg.twelve && choice(w.layout, [["grid", w.grid], ["stacked", w.stacked]], pick("layout", anew)),
      attention: strength && choice(w.attention, [["off", w.off], ["trace", w.trace], ["band", w.band]], pick("attention"), true),
      calipers: toggle(w.calipers, () => change(toggleCalipers)),
      beats: beats && toggle(w.beats, () => flip("beats")),
      together: data.link ? toggle(w.together, () => link.turn(!link.together())) : null,
    };
    controls.together?.set(link.together());
    const measuring = group(w.measuring, ...[controls.calipers, controls.beats].filter(Boolean));
    if (ecg.seconds > shownSeconds(ecg, state) + 0.5) controls.start = buildStart(w);
    for (const first of [controls.gain, controls.attention, measuring]) first?.classList?.add("first");
    for (const extra of [controls.speed, controls.layout]) extra?.classList?.add("extra");
    const both = controls.together && group(w.together, controls.together);
    const tools = [controls.gain, controls.speed, controls.layout, controls.attention, measuring, both, controls.start, moreButton(root, w)];
    setTools(root, w.title, tools.filter(Boolean));
    root.querySelector(".keys").textContent = w.keys;
    root.querySelector(".measures").replaceChildren(...(measure ? figures(measure, w) : []));
  }

  function buildStart(w) {
    const move = (to) => change(() => ((state.start = to), (state.legs = null)));
    const input = h("input", { type: "range", min: 0, step: 1, "aria-label": w.start, oninput: () => move(Number(input.value)) });
    const value = h("span", { class: "label" });
    const step = (text, sign, name) =>
      h("button", { type: "button", "aria-label": name, onclick: () => move(state.start + sign * shownSeconds(ecg, state)) }, text);
    const node = h("span", { class: "control" }, h("span", { class: "group" }, step("\u2039", -1, w.earlier), step("\u203a", 1, w.later)), input, value);
    return Object.assign(node, { input, value });
  }

  function toggleCalipers() {
    state.calipers = !state.calipers;
    state.legs = state.calipers ? state.legs ?? freshLegs(ecg, sheet, sheet.rows.length - 1) : null;
  }

  // pointer and keys

  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return spotAt(ecg, sheet, event.clientX - box.left, event.clientY - box.top);
  };
  const grip = (event, at) => state.legs && gripAt(ecg, sheet, state.legs, at.x, at.y, event.pointerType === "touch" ? 24 : 12);

  canvas.onpointerdown = (event) => {
    if (!ecg || event.button > 0) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const at = spot(event);
    const held = grip(event, at);
    dragging = { at, held, legs: state.legs, pan: !held && controls.start && !state.calipers, start: state.start };
  };
  canvas.onpointermove = (event) => {
    if (!ecg || !sheet) return;
    const at = spot(event);
    if (!dragging) return void (canvas.style.cursor = grip(event, at) ? "move" : "");
    const { at: from, held, legs } = dragging;
    const dt = (at.x - from.x) / (sheet.mm * sheet.speed);
    const dv = (from.y - at.y) / pixelsPerUnit(sheet, ecg.leads[(legs ?? from).cell.lead]);
    if (dragging.pan) return void ((state.start = dragging.start - dt), bound(), link.tell(), redraw());
    if (held) state.legs = dragged(legs, held, dt, dv);
    else {
      const { row, cell, t, v } = from;
      state.legs = { row, cell, t0: t, v0: v, t1: t + dt, v1: at.row === row ? at.v : v };
    }
    state.calipers = true;
    redraw();
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (dragging) (dragging = null), requestAnimationFrame(say);
  };

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const PAGES = { PageUp: -1, PageDown: 1 };
  canvas.onkeydown = (event) => {
    if (!ecg || event.ctrlKey || event.metaKey || event.altKey) return;
    const louder = (d) => () => (state.gain = GAINS[clamp(GAINS.indexOf(state.gain) + d, 0, 2)]);
    const next = { off: "trace", trace: "band", band: "off" };
    const acts = {
      o: () => strength && (state.attention = next[state.attention]),
      b: () => beats && (state.beats = !state.beats),
      c: toggleCalipers,
      "+": louder(1), "=": louder(1), "-": louder(-1),
      0: () => Object.assign(state, FRESH),
      Escape: () => { Object.assign(state, { legs: null, calipers: false }); canvas.blur(); },
    };
    acts.m = acts.o;
    if (PAGES[event.key] && state.legs) acts[event.key] = () => (state.legs = nextCell(ecg, sheet, state.legs, PAGES[event.key]));
    const moved = ARROWS[event.key];
    const act = moved && (moved[0] || state.calipers) ? () => arrow(moved, event.shiftKey) : acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    change(act);
  };

  /** Moves the right handle, with Shift the left; where nothing is measured, the part that is shown. */
  function arrow([right, up], shift) {
    if (controls.start && !state.calipers) return void (state.start += right);
    state.calipers = true;
    state.legs ??= freshLegs(ecg, sheet, sheet.rows.length - 1);
    state.legs = dragged(state.legs, { handle: shift ? 0 : 1, tall: true }, right * TIME_STEP, up * VALUE_STEP);
  }

  // loading

  function take() {
    beats = beatsOf(measure, ecg);
    averaged = readBeats(measure, ecg, strength);
    build();
    draw();
    say();
  }

  async function show(given) {
    const same = data?.key === given.key;
    const mine = (data = given);
    const shown = wellState(root, given.words, () => show(given));
    link.join(given.link);
    if (!same) {
      [ecg, strength, measure, beats, averaged] = [null, null, null, null, null];
      state = { ...FRESH, layout: "grid", attention: "trace", beats: true };
      canvas.setAttribute("aria-label", given.words.loading);
      well.style.height = "420px";
      panel.hidden = true;
      shown.loading();
    }
    try {
      const [blob, map] = await Promise.all([fetchBlob(given.input), given.map ? fetchBlob(given.map) : null]);
      if (data !== mine) return;
      ecg ??= readEcg(blob);
      strength = map?.arrays.map ? readStrength(map, ecg.rate) : null;
      shown.done();
      take();
      if (measure) return;
      const found = await fetchMeasure(given.measure); // the recording doesn't wait for its figures
      if (data === mine && found) ((measure = found), take());
    } catch (error) {
      if (data === mine) (shown.failed(), (root.viewState = { ready: false, error: String(error) }));
    }
  }

  Promise.all(["400 12px Plex", "600 13px Plex"].map((f) => document.fonts.load(f))).then(() => ((fonts.ready = true), redraw()));
  unwatch = watch(root, well, redraw);
  return { show, stop: () => (unwatch(), link.leave()) };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createEcg(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
  return () => root.isConnected || root.viewer.stop(); // an earlier run of the page may end after a later one began
}
