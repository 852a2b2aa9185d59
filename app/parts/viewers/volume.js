// Volumes: three linked planes, windows, measures, masks and attention. Everything that only changes the view stays here.

const NARROW = 560;
const ABOVE_BELOW = 204; // pixels of the page over and under tools and pictures

function createVolume(root) {
  const [panesBox, states] = [root.querySelector(".panes"), new Map()];
  const now = { series: [], current: 0, volume: null };
  const panes = PLANES.map((name) => createPane(name, () => now));
  const paneOf = (name) => panes.find((pane) => pane.name === name);
  let [data, controls, hands] = [null, {}, []];
  const link = linkEnd(root, { view: shared, adopt, turned: (on) => controls.together?.set(on) });
  const measuring = createMeasuring(now, (name) => paneOf(name));
  panesBox.append(...panes.map((pane) => pane.node));

  // state

  const acquired = () => PLANES.find((name) => now.volume.planes[name].acquired);
  now.large = () => now.state.large;
  now.still = () => !hands.some((one) => one.busy());
  now.here = (name) => now.state.measures.filter((m) => m.plane === name && m.slice === now.state.at[now.volume.planes[name].across]);

  /** Where to begin: in the middle; once there is a mask where most of it lies, on the sequence that leads. */
  function start() {
    const { volume, mask, maskId } = now;
    const leads = volume.header.channels.findIndex((name) => mask?.leading.includes(name.trim().toLowerCase()));
    const at = mask && middleOf(mask, volume.planes[acquired()].across);
    return { at: at ?? volume.size.map((n) => Math.floor(n / 2)), channel: Math.max(0, leads), startedFor: mask ? maskId : null };
  }

  function fresh() {
    const { volume, series, current } = now;
    const windows = volume.windows.map(({ found, first }) => ({ range: found[first], preset: first }));
    return {
      layout: volume.size.every((n) => n > 1) ? "three" : "one", large: acquired(), active: acquired(), tool: "cross", ...start(), views: {}, windows, invert: false, lines: true, measures: [], chosen: null,
      mask: "fill", maskWas: "fill", maskOpacity: 0.45, labels: (now.mask?.labels ?? []).map((_l, i) => i < 4),
      attention: "heat", heatOpacity: 0.55, from: series[current].input,
    };
  }

  const window_ = () => now.state.windows[now.state.channel];
  /** What linked viewers share: mm of the crosshair from the volume's middle, zoom, and a window in Hounsfield units. */
  function shared() {
    const { volume, state } = now;
    if (!volume) return null;
    const middle = patientAt(volume, volume.size.map((n) => (n - 1) / 2));
    return { mm: plus(patientAt(volume, state.at), times(middle, -1)), views: state.views, window: window_(), units: volume.header.units };
  }

  function adopt({ mm, views, window: given, units }) {
    const { volume, state } = now;
    if (!volume) return;
    volume.size.forEach((n, axis) => {
      const normal = cross(volume.directions[(axis + 1) % 3], volume.directions[(axis + 2) % 3]); // the axes may lean
      const by = dot(mm, normal) / dot(volume.directions[axis], normal);
      goTo(axis, indexAt(volume, axis, along(volume, axis, (n - 1) / 2) + by));
    });
    state.views = structuredClone(views);
    if (units === "HU" && volume.header.units === "HU") Object.assign(window_(), structuredClone(given));
    redraw();
  }

  function setPreset(name) {
    const range = now.volume.windows[now.state.channel].found[name];
    if (range) Object.assign(window_(), { range, preset: name });
  }

  function setMask(how) {
    if (how !== "off") now.state.maskWas = how;
    now.state.mask = how;
  }

  function goTo(axis, index) {
    now.state.at[axis] = clamp(Math.round(index), 0, now.volume.size[axis] - 1);
  }
  const step = (name, by) => {
    const { across } = now.volume.planes[name];
    goTo(across, now.state.at[across] + by);
  };

  function look(measure) {
    Object.assign(now.state, { chosen: measure, active: measure.plane });
    goTo(now.volume.planes[measure.plane].across, measure.slice);
    if (now.state.layout === "one") now.state.large = measure.plane;
  }

  function zoomTo(pane, factor, at = null) {
    const { view, scale, left, top, width, height } = pane.place();
    const [x, y] = at ?? [width / 2, height / 2];
    const zoom = clamp(view.zoom * factor, 0.4, 40);
    const mm = [(x - left) / scale, (y - top) / scale];
    const next = (scale * zoom) / view.zoom;
    Object.assign(view, { zoom, x: mm[0] - (x - width / 2) / next, y: mm[1] - (y - height / 2) / next });
  }

  function pan(pane, dx, dy) {
    const { view, scale } = pane.place();
    Object.assign(view, { x: view.x - dx / scale, y: view.y - dy / scale });
  }

  function level(dx, dy) {
    const { found, first } = now.volume.windows[now.state.channel];
    const [low, high] = found[first];
    const range = levelled(window_().range, dx, dy, (high - low) / 250, 2 * now.volume.scale);
    Object.assign(window_(), { range, preset: "" });
  }

  function reset() {
    const { tool, layout, labels, measures } = now.state;
    Object.assign(now.state, fresh(), { tool, layout, labels, measures });
  }

  // pointers

  function down(pane, spot, event) {
    const { state } = now;
    state.active = pane.name;
    if (event.button === 2) return { act: "level" };
    if (event.button === 1 || event.shiftKey) return { act: "pan" };
    if (!MEASURES.includes(state.tool)) {
      if (state.tool === "cross") (mark(pane, spot), link.tell());
      redraw();
      return { act: state.tool, from: spot, at: state.at[now.volume.planes[pane.name].across] };
    }
    const held = measuring.down(pane, spot, event);
    redraw();
    return held;
  }

  function mark(pane, spot) {
    const [i, j] = pane.toIndex(spot);
    const { h: across, v } = now.volume.planes[pane.name];
    goTo(across, i);
    goTo(v, j);
  }

  function drag(pane, held, spot, dx, dy) {
    if (held.act === "level") level(dx, dy);
    else if (held.act === "pan") pan(pane, dx, dy);
    else if (held.act === "cross") mark(pane, spot);
    else if (held.act === "slices") {
      const { across } = now.volume.planes[pane.name];
      goTo(across, held.at + (spot[1] - held.from[1]) / clamp(pane.size().height / now.volume.size[across], 3, 20));
    } else measuring.drag(pane, held, spot);
    link.tell();
    redraw();
  }

  function up(held, spot) {
    measuring.up(held, spot);
    redraw();
    requestAnimationFrame(say);
  }

  hands = panes.map((pane) => {
    const live = (act) => (...given) => (now.volume ? act(...given) : null);
    pane.canvas.onfocus = live(() => ((now.state.active = pane.name), redraw()));
    pane.canvas.ondblclick = live(() => change(() => (measuring.open() ? measuring.close() : (now.state.large = pane.name))));
    return onPointers(pane.canvas, {
      down: live((spot, event) => down(pane, spot, event)),
      drag: live((held, spot, dx, dy) => drag(pane, held, spot, dx, dy)),
      up: live(up),
      hover: live((spot) => probe(spot && pane.toIndex(spot), pane)),
      pinch: live((factor, spot, dx, dy) => (pan(pane, dx, dy), zoomTo(pane, factor, spot), link.tell(), redraw())),
      wheel: live((turn, steps, spot, event) => change(() => {
        now.state.active = pane.name;
        if (event.ctrlKey || event.metaKey) zoomTo(pane, Math.exp(-turn / 500), spot);
        else step(pane.name, steps);
      })),
    });
  });

  // keys

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function arrow(pane, [dx, dy], shift) {
    const { state, volume } = now;
    const plane = volume.planes[pane.name];
    if (state.tool === "level") level(10 * dx, 10 * dy);
    else if (state.tool === "pan") pan(pane, -20 * dx, -20 * dy);
    else if (MEASURES.includes(state.tool) && state.chosen) measuring.nudge(dx, dy, shift);
    else if (shift) {
      const [axis, flip] = dx ? [plane.h, plane.flip[0]] : [plane.v, plane.flip[1]];
      goTo(axis, state.at[axis] + (dx || dy) * (flip ? -1 : 1));
    } else step(pane.name, dx + dy);
  }

  const turn = (list, value) => list[(list.indexOf(value) + 1) % list.length];
  function keyed(pane) {
    const { state, volume } = now;
    const presets = Object.keys(volume.windows[state.channel].found);
    const acts = {
      PageUp: () => step(pane.name, -10), PageDown: () => step(pane.name, 10),
      Home: () => step(pane.name, -Infinity), End: () => step(pane.name, Infinity),
      "+": () => zoomTo(pane, 1.25), "=": () => zoomTo(pane, 1.25), "-": () => zoomTo(pane, 0.8),
      f: fit, 0: reset, i: () => (state.invert = !state.invert), x: () => (state.lines = !state.lines),
      m: () => now.mask && setMask(state.mask === "off" ? state.maskWas : "off"),
      o: () => now.map && (state.attention = turn(["off", "heat"], state.attention)),
      c: () => (state.channel = (state.channel + 1) % volume.channels),
      p: () => pick(turn(PLANES, state.large)), l: turnLayout,
      s: () => (state.tool = "slices"), w: () => (state.tool = "level"), g: () => (state.tool = "pan"), h: () => (state.tool = "cross"),
      d: () => (state.tool = "distance"), e: () => (state.tool = "ellipse"), a: () => (state.tool = "polygon"),
      Enter: () => measuring.place(pane), Delete: () => state.chosen && measuring.remove(state.chosen), "?": () => help(true),
      Escape: () => (measuring.open() ? measuring.remove(measuring.open()) : pane.canvas.blur()),
    };
    acts.Backspace = acts.Delete;
    presets.forEach((name, i) => (acts[i + 1] = () => setPreset(name)));
    return acts;
  }
  root.onkeydown = (event) => {
    if (!now.volume || event.ctrlKey || event.metaKey || event.altKey) return;
    const pane = panes.find((one) => one.canvas === event.target);
    if (!pane && event.key === "Escape" && !root.querySelector(".help").hidden) return help(false);
    if (!pane) return void (event.key === "?" && help(true));
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = ARROWS[key] ? () => arrow(pane, ARROWS[key], event.shiftKey) : keyed(pane)[key];
    if (!act) return;
    event.preventDefault();
    change(act);
  };

  // words

  /** Value and place of an index [along h, along v] of a plane; of the crosshair where there is none. */
  function probe(spot, pane = paneOf(now.state.active)) {
    const { volume, state, words } = now;
    const plane = volume.planes[pane.name];
    const at = [...state.at];
    if (spot) [at[plane.h], at[plane.v]] = spot;
    const value = valueAt(volume, state.channel, at);
    const place = volume.real && volume.placed
      ? patientAt(volume, at).map((mm, i) => `${LETTERS[i][mm < 0 ? 0 : 1]} ${Math.abs(mm).toFixed(1)}`).join("  ") + " mm"
      : fill(words.voxel, { at: at.map((v) => Math.round(v) + 1).join(", ") });
    const scanned = value === null || value !== volume.header.padding;
    const shown = !scanned ? words.not_scanned : `${worded(volume, value ?? 0)} ${volume.header.units}`.trim();
    const text = value === null ? "" : `${shown}   ${place}`;
    paneOf(state.large).tell(`${text}\n${now.windowText()}`);
    return text;
  }

  now.windowText = () => {
    const [low, high] = window_().range;
    const digits = (v) => (now.volume.scale % 1 ? Number(v.toPrecision(4)) : grouped(v));
    return fill(now.words.window, { w: digits(high - low), c: digits((low + high) / 2) });
  };
  /** A plane's name; where the file doesn't say how the slices lie in the patient, by the grid alone. */
  now.planeName = (name) => {
    const { volume, words } = now;
    return volume.placed ? words[name] : [words.of_slices, words.of_rows, words.of_columns][volume.planes[name].across];
  };
  now.over = () => {
    const { state, words, mask, map } = now;
    const masks = state.mask === "off" ? [] : (mask?.labels ?? []).filter((_l, i) => state.labels[i]).map((l) => l.title || l.name);
    return [masks.length ? `${words.segmentation}: ${masks.join(", ")}` : "", map && state.attention !== "off" ? now.label : ""];
  };
  function factsOf({ volume, words }) {
    const { stack, tilt, real, header } = volume;
    const one = (mm) => (mm * volume.lean).toFixed(1); // square to the slices, as the file's own words have it
    return [
      volume.placed ? "" : words.not_placed,
      real ? "" : words.no_spacing,
      stack.even ? "" : fill(words.uneven, { least: one(Math.min(...stack.steps)), most: one(Math.max(...stack.steps)) }),
      ...stack.gaps.slice(0, 2).map((g) => fill(words.gap, { mm: one(g.step), n: g.after + 1 })),
      tilt ? fill(words.tilt, { n: tilt.toFixed(1) }) : "",
      volume.channels > 1 ? header.channels[now.state.channel] : "",
    ].filter(Boolean);
  }
  function say() {
    if (!now.volume) return;
    const { state, volume, words } = now;
    const { across } = volume.planes[state.active];
    const where = `${now.planeName(state.active)} ${fill(words.slice_of, { n: state.at[across] + 1, all: volume.size[across] })}`;
    const found = state.chosen && !state.chosen.open ? measured(volume, state.channel, state.chosen, words) : "";
    write(root.querySelector(".read"), [found, where, probe(null), now.windowText()].filter(Boolean).join(". "));
  }

  // drawing

  function lay() {
    const { state } = now;
    const width = root.querySelector(".well").clientWidth;
    const narrow = width < NARROW;
    root.classList.toggle("narrow", narrow);
    foldTools(root, controls);
    const tall = clamp(window.innerHeight - ABOVE_BELOW - root.querySelector(".tools").clientHeight, 360, Math.max(640, width * 0.7));
    panesBox.dataset.layout = state.layout;
    panesBox.style.height = state.layout === "one" ? `${narrow ? width * 1.1 : tall}px` : narrow ? `${width * 1.75}px` : `${tall}px`;
    const focused = panes.find((pane) => pane.canvas === root.getRootNode().activeElement);
    for (const pane of panes) {
      pane.node.classList.toggle("large", pane.name === state.large);
      pane.node.hidden = state.layout === "one" && pane.name !== state.large;
    }
    if (paneOf(state.active).node.hidden) state.active = state.large;
    if (focused?.node.hidden) paneOf(state.large).canvas.focus({ preventScroll: true });
  }

  function draw() {
    if (!now.volume || !root.isConnected) return;
    const started = performance.now();
    const { state, volume } = now;
    const [low, high] = window_().range;
    const name = `${low} ${high} ${state.invert}`;
    if (now.tableName !== name) Object.assign(now, { table: greys(volume, low, high, state.invert), tableName: name });
    now.facts = factsOf(now);
    lay();
    for (const pane of panes) pane.measure();
    for (const pane of panes) pane.draw();
    for (const pane of panes) pane.label();
    syncTools(controls, now);
    drawLegend(root, now, (i) => change(() => (state.labels[i] = !state.labels[i])));
    drawMeasures(root, now, (m) => change(() => look(m)), (m) => change(() => measuring.remove(m)));
    probe(null);
    root.drew = performance.now() - started;
    report();
  }

  root.spotOf = (name, point) => paneOf(name).toScreen(point);

  /** What is shown, for tests. */
  function report() {
    const { state, volume, words } = now;
    root.viewState = {
      ...structuredClone(state), ready: true, window: [...window_().range], preset: window_().preset, current: now.current,
      facts: now.facts, gaps: volume.stack.gaps.map((g) => g.after), size: volume.size, drew: root.drew,
      panes: Object.fromEntries(panes.map((pane) => [pane.name, pane.state()])),
      texts: state.measures.filter((m) => !m.open).map((m) => measured(volume, state.channel, m, words)),
    };
  }

  const redraw = framed(draw);
  const change = (act) => {
    if (!now.volume) return;
    act();
    link.tell();
    redraw();
    requestAnimationFrame(() => requestAnimationFrame(say));
  };

  const turnLayout = () => {
    const { layout, large, active } = now.state;
    Object.assign(now.state, layout === "three" ? { layout: "one", large: active } : { layout: "three", large });
  };
  const fit = () => (now.state.views = {});
  const pick = (name) => Object.assign(now.state, { large: name, active: name });
  function help(open) {
    const box = root.querySelector(".help");
    box.hidden = !open;
    const back = controls.help.offsetParent ? controls.help : paneOf(now.state.active).canvas;
    (open ? box.querySelector("button") : back).focus();
  }

  const set = (name) => (value) => change(() => (now.state[name] = value));
  const acts = {
    acquired, help, redraw: () => redraw(), linked: () => data.link, together: () => link.turn(!link.together()), series: (i) => load(i), layout: () => change(turnLayout), plane: (name) => change(() => pick(name)),
    slice: (index) => change(() => goTo(now.volume.planes[now.state.active].across, index)),
    preset: (name) => change(() => setPreset(name)), channel: set("channel"), tool: (name) => change(() => (measuring.close(), (now.state.tool = name))),
    invert: () => change(() => (now.state.invert = !now.state.invert)), lines: () => change(() => (now.state.lines = !now.state.lines)),
    fit: () => change(fit), reset: () => change(reset), zoom: (by) => change(() => zoomTo(paneOf(now.state.active), by)),
    mask: (how) => change(() => setMask(how)), attention: set("attention"),
    maskOpacity: (share) => change(() => (now.state.maskOpacity = share / 100)), heatOpacity: (share) => change(() => (now.state.heatOpacity = share / 100)),
  };

  // loading

  async function load(index) {
    const [mine, one] = [data, data.series[index]];
    const marks = [one.mask, one.outlines].filter(Boolean);
    const maskId = marks.join(" ");
    now.current = index;
    const well = wellState(root, mine.words, () => load(index));
    if (now.state?.from !== one.input) {
      well.loading();
      for (const pane of panes) pane.speak(mine.words.loading);
      now.volume = null;
    }
    try {
      const [blob, map, ...masks] = await Promise.all([one.input, one.map, ...marks].map((url) => (url ? fetchBlob(url) : null)));
      if (data !== mine || now.current !== index) return;
      const read = { volume: (blob.volume ??= readVolume(blob)), map: map?.arrays.map ?? null, mask: maskId === now.maskId ? now.mask : readMasks(masks) };
      Object.assign(now, read, { id: one.input, mapId: one.map, maskId, title: one.title, label: one.label, words: mine.words, series: mine.series });
      now.state = states.get(one.input) ?? fresh();
      now.tableName = "";
      if (now.mask && now.state.startedFor !== maskId) Object.assign(now.state, start(), { labels: fresh().labels });
      states.set(one.input, now.state);
      controls = buildTools(root, now, acts);
      controls.together?.set(link.together());
      drawRemarks(root, now);
      buildHelp(root, mine.words, () => help(false));
      well.done();
      draw();
      say();
    } catch (error) {
      if (data === mine && now.current === index) (well.failed(), (root.viewState = { ready: false, error: String(error) }));
    }
  }

  function show(given) {
    if (data?.key !== given.key) (states.clear(), (now.current = 0), (now.state = null));
    data = given;
    root.querySelector(".keys").textContent = given.words.keys;
    link.join(given.link);
    return load(Math.min(now.current, given.series.length - 1));
  }

  const unwatch = watch(root, root.querySelector(".well"), redraw);
  return { show, stop: () => (unwatch(), link.leave()) };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createVolume(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
  return () => root.isConnected || root.viewer.stop(); // an earlier run of the page may end after a later one began
}
