// Tools over a volume, what stands under it, and the list of keys.

const KEYS = ["keys_slice", "keys_ends", "keys_move", "keys_zoom", "keys_window", "keys_plane", "keys_channel", "keys_mask", "keys_measure", "keys_picture", "keys_tools", "keys_help"];

const TOOL_GAP = 12;

const button = (text, act, name = text) => h("button", { type: "button", "aria-label": name, onclick: act }, text);

/** An overlay's control: off or one of its ways, and how opaque. */
function overlay(label, options, opacity, pick, slide) {
  const picked = choice(label, options, pick, true);
  const strength = slider(`${label}: ${opacity}`, slide);
  strength.classList.add("extra");
  const node = h("span", { class: "control pair" }, picked, strength);
  node.set = (value, share) => {
    picked.set(value);
    strength.input.disabled = value === "off" || value === "contour";
    strength.input.value = Math.round(100 * share);
    strength.value.textContent = `${Math.round(100 * share)}\u202f%`;
  };
  return node;
}

/** All tools; `acts` are the functions of volume.js, each of which changes the view and draws. */
function buildTools(root, now, acts) {
  const { words: w, volume, mask, map } = now;
  const only = volume.size.every((n) => n > 1) ? PLANES : [acts.acquired()];
  const controls = {
    layout: button(w.three, acts.layout),
    plane: choice(w.plane, only.map((name) => [name, now.planeName(name)]), acts.plane),
    slice: slider(w.slice, acts.slice),
    preset: choice(w.presets, Object.keys(volume.windows[0].found).map((name) => [name, w[name]]), acts.preset),
    channel: choice(w.channel, volume.header.channels.map((name, i) => [i, name || i + 1]), acts.channel),
    tool: choice(w.tools, ["cross", "slices", "level", "pan", ...MEASURES].map((name) => [name, w[name]]), acts.tool),
    invert: button(w.invert, acts.invert),
    lines: button(w.lines, acts.lines, w.crosshair_lines),
    help: button("?", () => acts.help(true), w.help),
  };
  const picture = h("span", { class: "control extra" }, h("span", { class: "group", role: "group", "aria-label": w.picture },
    controls.invert, controls.lines, button(w.fit, acts.fit), button("\u2212", () => acts.zoom(0.8), w.zoom_out),
    button("+", () => acts.zoom(1.25), w.zoom_in), button(w.reset, acts.reset), controls.help));
  if (mask) controls.mask = overlay(w.segmentation, [["off", w.off], ["fill", w.fill], ["contour", w.contour]], w.opacity, acts.mask, acts.maskOpacity);
  if (map) controls.attention = overlay(w.attention, [["off", w.off], ["heat", w.heat]], w.opacity, acts.attention, acts.heatOpacity);
  const layout = h("span", { class: "control" }, h("span", { class: "group" }, controls.layout));
  const more = moreButton(root, w);
  more.addEventListener("click", acts.redraw);
  const tools = [controls.plane, layout, controls.slice, controls.preset, controls.channel, controls.mask, controls.attention, controls.tool, picture, more];
  controls.plane.classList.add("plane");
  controls.slice.classList.add("long");
  controls.preset.classList.add("preset");
  for (const extra of [layout, controls.tool]) extra.classList.add("extra");
  layout.hidden = controls.plane.hidden = only.length === 1;
  controls.channel.hidden = volume.channels === 1;
  if (acts.linked()) {
    controls.together = toggle(w.together, acts.together);
    tools.push(group(w.together, controls.together));
  }
  if (now.series.length > 1) {
    controls.series = choice(w.series, now.series.map((one, i) => [i, one.title]), acts.series, true);
    controls.series.classList.add("series");
    tools.unshift(controls.series);
  }
  setTools(root, w.title, tools.filter(Boolean));
  const [over, strengths] = [0, 1].map((i) => [controls.mask, controls.attention].map((pair) => pair?.children[i]));
  const byUse = [controls.series, controls.slice, ...over, controls.channel, controls.together, layout, controls.preset, controls.plane, controls.tool, ...strengths, picture];
  controls.byUse = byUse.filter((one) => one && !one.hidden);
  return controls;
}

/** Leaves in the row what is used most and fits beside More; the rest is behind it. */
function foldTools(root, controls) {
  const bar = root.querySelector(".tools");
  const name = `${bar.clientWidth} ${root.classList.contains("narrow")} ${document.fonts.status}`;
  if (controls.foldedFor === name) return;
  controls.foldedFor = name;
  root.classList.remove("measured");
  let left = bar.clientWidth - bar.querySelector(".more").offsetWidth;
  for (const one of controls.byUse) one.classList.toggle("folded", (left -= one.offsetWidth + TOOL_GAP) < 0);
  root.classList.add("measured");
  root.classList.toggle("fits", left >= 0);
}

/** Presses the buttons and sets the sliders as the state is. */
function syncTools(controls, now) {
  const { state, volume, words: w } = now;
  const across = volume.planes[state.active].across;
  controls.layout.setAttribute("aria-pressed", String(state.layout === "three"));
  for (const name of ["tool", "channel"]) controls[name].set(state[name]);
  controls.plane.set(now.large());
  controls.series?.set(now.current);
  controls.preset.set(state.windows[state.channel].preset);
  controls.mask?.set(state.mask, state.maskOpacity);
  controls.attention?.set(state.attention, state.heatOpacity);
  for (const name of ["invert", "lines"]) controls[name].setAttribute("aria-pressed", String(state[name]));
  const { input, value } = controls.slice;
  [input.max, input.value] = [volume.size[across] - 1, state.at[across]];
  input.setAttribute("aria-label", fill(w.slice_in, { plane: now.planeName(state.active) }));
  input.setAttribute("aria-valuetext", fill(w.slice_of, { n: state.at[across] + 1, all: volume.size[across] }));
  value.textContent = `${state.at[across] + 1} / ${volume.size[across]}`;
}

/** What was said of the volume when it was read. */
function drawRemarks(root, now) {
  root.querySelector(".remarks").replaceChildren(...(now.volume.header.remarks ?? []).map((line) => h("div", {}, line)));
}

/** Colours of labels, each a button that hides or shows it, with its volume; and the ramp of the model's attention. */
function drawLegend(root, now, toggle) {
  const { state, mask, map, words: w } = now;
  const name = JSON.stringify([now.maskId, now.mapId, state.labels, state.mask, state.attention]);
  if (root.shownLegend === name) return;
  root.shownLegend = name;
  const chips = (mask?.labels ?? []).map((label, i) => {
    const chip = swatch(MASK_COLOURS[i % 4], ["solid", "dashed", "solid", "dotted"][i % 4]);
    const size = label.volume_ml == null ? "" : fill(w.ml, { n: label.volume_ml.toFixed(label.volume_ml < 100 ? 1 : 0) });
    const wide = label.diameter_mm ? `, ${fill(w.across, { n: label.diameter_mm.toFixed(0) })}` : "";
    const none = label.box ? "" : w.empty;
    return h("button", { type: "button", class: "label", "aria-pressed": String(!!state.labels[i] && state.mask !== "off"), onclick: () => toggle(i) },
      chip, label.title || label.name, h("b", {}, label.box ? size + wide : none));
  });
  const ramp = map && state.attention !== "off" ? legend(w, greyed(now.mapId) ? HEAT_GREY : HEAT_ON_DARK) : [];
  refill(root.querySelector(".legend"), ...chips, ...ramp);
}

/** What was measured, each with a button to choose it and one to remove it. */
function drawMeasures(root, now, choose, remove) {
  const { state, volume, words: w } = now;
  const rows = state.measures.filter((m) => !m.open).map((m) => ({
    measure: m,
    text: measured(volume, state.channel, m, w),
    what: fill(w.measure, { kind: w[m.kind], plane: now.planeName(m.plane), n: m.slice + 1 }),
  }));
  const name = JSON.stringify([now.id, rows.map((r) => [r.text, r.what]), state.measures.indexOf(state.chosen)]);
  if (root.shownMeasures === name) return;
  root.shownMeasures = name;
  refill(root.querySelector(".measures"), ...rows.map(({ measure, text, what }) => h("span", { class: "group" },
    h("button", { type: "button", "aria-pressed": String(measure === state.chosen), onclick: () => choose(measure) }, `${what}: `, h("b", {}, text)),
    button("\u00d7", () => remove(measure), fill(w.remove, { what: `${what}, ${text}` })))));
}

/** The list of keys over the pictures; the focus goes into it and comes back. */
function buildHelp(root, words, close) {
  const rows = KEYS.map((key) => words[key]).filter(Boolean).map((line) => {
    const [, keys, what] = line.match(/^(.*?)[:：] ?(.*)$/);
    return [h("dt", {}, keys), h("dd", {}, what)];
  });
  const box = root.querySelector(".help");
  box.setAttribute("aria-label", words.help);
  box.replaceChildren(h("b", {}, words.help), h("dl", {}, ...rows.flat()), h("span", { class: "group" }, button(words.close, close)));
}
