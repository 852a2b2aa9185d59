// A film: window and level, zoom, pan, ruler, mask, attention. Everything that only changes the view stays here.

function createFilm(root) {
  const canvas = root.querySelector("canvas");
  const well = root.querySelector(".well");
  const picture = document.createElement("canvas");
  let [data, film, map, mask, state, unwatch] = [null, null, null, null, null, null];
  let [lutDirty, controls, hand] = [true, {}, null];

  const words = () => data.words;
  const size = () => ({ width: well.clientWidth, height: well.clientHeight });
  const fitScale = () => {
    const { width, height } = size();
    return Math.min(width / film.columns, height / (film.rows * film.aspect));
  };

  const link = linkEnd(root, {
    view: () => film && { zoom: state.scale && state.scale / fitScale(), x: state.x / film.columns, y: state.y / film.rows, invert: state.invert, preset: state.preset },
    adopt: (view) => film && (adopt(view), redraw()),
    turned: (on) => controls.together?.set(on),
  });

  /** Another film's place, as shares of this one; its window only where that has a name, for grey values differ. */
  function adopt({ zoom, x, y, invert, preset }) {
    Object.assign(state, { scale: zoom && zoom * fitScale(), x: x * film.columns, y: y * film.rows });
    lutDirty ||= state.invert !== invert;
    state.invert = invert;
    if (preset && preset !== state.preset && !film.colour) setPreset(preset);
  }

  function setPreset(name) {
    [state.low, state.high] = film.presets[name];
    if (state.high - state.low < 2) state.high = state.low + 2;
    state.preset = name;
    lutDirty = true;
  }

  function reset() {
    Object.assign(state, { invert: false, scale: null, x: film.columns / 2, y: film.rows / 2, ruler: null });
    if (!film.colour) setPreset("auto");
    lutDirty = true;
  }

  // drawing

  const place = () => {
    const { width, height } = size();
    const scale = state.scale ?? fitScale();
    const sy = scale * film.aspect;
    return { scale, sy, left: width / 2 - state.x * scale, top: height / 2 - state.y * sy };
  };
  const toCanvas = ([x, y]) => {
    const { scale, sy, left, top } = place();
    return [left + x * scale, top + y * sy];
  };
  const measured = () => (state.ruler ? rulerText(film, state.ruler, words()) : "");
  const regions = () =>
    (map?.regions ?? []).map((r, i) => data.regions[i] ?? fill(words().region, { n: i + 1, share: Math.round(r.share * 100) }));

  function draw() {
    if (!film || !root.isConnected) return;
    const { width } = size();
    root.classList.toggle("narrow", width < 560);
    const room = window.innerHeight - 220 - root.querySelector(".tools").clientHeight;
    const height = width < 560 ? width : clamp(room, 360, Math.max(650, width * 0.75));
    well.style.height = `${height}px`;
    const context = fitCanvas(canvas, width, height);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const { scale, sy, left, top } = place();
    const level = levelFor(film, scale * (window.devicePixelRatio || 1));
    if (lutDirty || picture.level !== level) paintPicture(picture, film, level, state);
    picture.level = level;
    lutDirty = false;
    const box = { left, top, wide: film.columns * scale, high: film.rows * sy, width, height };
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = hand.busy() ? "low" : "high"; // fine once the hand rests
    context.drawImage(picture, left, top, box.wide, box.high);
    if (mask && state.mask) drawFill(context, mask, state.maskOpacity, box);
    if (map && state.overlay !== "off") drawAttention(context, { map, state, regions: regions() }, box);
    if (mask && state.mask) drawOutlines(context, mask, box);
    if (state.ruler) drawRuler(context, ...state.ruler.map(toCanvas), measured(), width, height);
    sync();
  }

  // words and controls

  const stored = (low, high) => {
    const centre = (low + high) / 2;
    const value = (film.inverted ? film.top - centre : centre) * film.unit + film.offset;
    return { w: grouped((high - low) * film.unit), c: grouped(value) };
  };

  function sync() {
    const { scale } = place();
    const zoom = Math.round(scale * (window.devicePixelRatio || 1) * 100 / film.shrunk);
    const window_ = film.colour ? "" : fill(words().window, stored(state.low, state.high)) + "\n";
    root.querySelector(".bl").textContent = window_ + fill(words().zoom, { n: zoom });
    for (const name of ["preset", "tool", "overlay"]) controls[name]?.set(state[name]);
    controls.invert.setAttribute("aria-pressed", String(state.invert));
    canvas.dataset.tool = state.tool;
    controls.opacity?.set(state.opacity, state.overlay === "heat");
    controls.mask?.set(state.mask);
    controls.maskOpacity?.set(state.maskOpacity, state.mask);
    const foot = root.querySelector(".legend");
    if (root.shownLegend !== `${state.overlay} ${state.mask}`) {
      root.shownLegend = `${state.overlay} ${state.mask}`;
      const says = { off: () => [], heat: () => legend(words(), greyed(data.map) ? HEAT_GREY : HEAT_ON_DARK), contour: () => [words().contours], words: () => [words().named] };
      foot.replaceChildren(...marked().map((one) => h("span", { class: "label" }, swatch(one.colour), one.title, h("b", {}, sized(one)))), ...(map ? [h("span", {}, ...says[state.overlay]())] : []));
    }
    canvas.setAttribute("aria-label", label());
    root.viewState = { ...state, scale, zoom, ready: true, regions: map?.regions ?? [], rulerText: measured() };
  }

  const marked = () => (mask && state.mask ? mask.labels : []);
  const sized = (one) => (one.voxels ? fill(words().share, { n: (100 * one.share).toFixed(one.share < 0.1 ? 1 : 0) }) : words().empty);

  function label() {
    const side = [data.laterality && fill(words().side, { side: data.laterality }), data.sides && fill(words().edges, { left: data.sides[0], right: data.sides[1] })];
    const outlined = marked().length ? `${words().segmentation}: ${marked().map((one) => `${one.title}, ${sized(one)}`).join(". ")}` : "";
    return [data.label, fill(words().size, film.original), ...side, outlined, ...(state.overlay === "off" ? [] : regions())].filter(Boolean).join(". ");
  }

  function say() {
    if (film) root.querySelector(".read").textContent = [measured(), root.querySelector(".bl").textContent.replace("\n", ", ")].filter(Boolean).join(". ");
  }

  const redraw = framed(draw);
  const change = (act) => {
    if (!film) return;
    act();
    link.tell();
    redraw();
    requestAnimationFrame(say);
  };

  function zoomTo(scale, at = null) {
    const low = Math.min(fitScale() / 2, 0.1);
    const before = place();
    const { width, height } = size();
    const [px, py] = at ?? [width / 2, height / 2];
    const [x, y] = [(px - before.left) / before.scale, (py - before.top) / before.sy];
    state.scale = clamp(scale, low, 16);
    state.x = x - (px - width / 2) / state.scale;
    state.y = y - (py - height / 2) / (state.scale * film.aspect);
  }

  const pair = (...parts) => h("span", { class: "control first pair" }, ...parts);

  /** A slider of how opaque what lies over the film is, kept in the state as `kept`. */
  function opacity(name, kept) {
    const node = slider(name, (share) => change(() => (state[kept] = share / 100)));
    node.classList.add("extra");
    node.set = (share, enabled) => {
      node.input.disabled = !enabled;
      node.input.value = Math.round(100 * share);
      node.value.textContent = `${Math.round(100 * share)}\u202f%`;
    };
    return node;
  }

  function build() {
    const w = words();
    const button = (text, act, name = text) => h("button", { type: "button", "aria-label": name, onclick: () => change(act) }, text);
    const invert = button(w.invert, () => { state.invert = !state.invert; lutDirty = true; });
    controls = {
      preset: choice(w.presets, [["auto", w.auto], ["lung", w.lung], ["bone", w.bone]], (v) => change(() => setPreset(v))),
      invert,
      zoom: h("span", { class: "control" }, h("span", { class: "group", role: "group", "aria-label": w.zooms }, invert,
        button(w.fit, () => Object.assign(state, { scale: null, x: film.columns / 2, y: film.rows / 2 })),
        button("1:1", () => zoomTo(film.shrunk / (window.devicePixelRatio || 1))),
        button("\u2212", () => zoomTo(place().scale / 1.25), w.zoom_out),
        button("+", () => zoomTo(place().scale * 1.25), w.zoom_in))),
      tool: choice(w.tools, [["level", w.level], ["pan", w.pan], ["ruler", w.ruler]].slice(film.colour ? 1 : 0), (v) => change(() => (state.tool = v))),
    };
    if (film.colour) controls.preset.hidden = true;
    const tools = [controls.preset, controls.zoom, controls.tool];
    controls.preset.classList.add("first");
    for (const extra of tools.slice(1)) extra.classList.add("extra");
    if (mask) {
      controls.mask = toggle(w.segmentation, () => change(() => (state.mask = !state.mask)));
      controls.maskOpacity = opacity(`${w.segmentation}: ${w.opacity}`, "maskOpacity");
      tools.push(pair(group(w.segmentation, controls.mask), controls.maskOpacity));
    }
    if (map) {
      controls.overlay = choice(w.attention, [["off", w.off], ["heat", w.heat], ["contour", w.contour], ["words", w.as_words]], (v) => change(() => (state.overlay = v)), true);
      controls.opacity = opacity(w.opacity, "opacity");
      controls.opacity.prepend(h("span", { class: "label" }, w.opacity));
      tools.push(pair(controls.overlay, controls.opacity));
    }
    if (data.link) {
      controls.together = toggle(w.together, () => link.turn(!link.together()));
      controls.together.set(link.together());
      tools.push(group(w.together, controls.together));
    }
    tools.push(moreButton(root, w));
    root.shownLegend = "";
    setTools(root, w.title, tools);
    root.querySelector(".tl").replaceChildren(data.corners.join("\n"), ...(data.laterality ? [h("b", { class: "lat" }, data.laterality)] : []));
    ["l", "r"].forEach((edge, i) => (root.querySelector(`.edge.${edge}`).textContent = data.sides?.[i] ?? ""));
    root.querySelector(".tr").textContent = data.number;
    root.querySelector(".br").textContent = fill(w.size, film.original) + (film.colour ? "" : fill(w.bits, { n: film.bits }));
    root.querySelector(".keys").textContent = w.keys;
  }

  // pointer and keys

  const toFilm = ([x, y]) => {
    const { scale, sy, left, top } = place();
    return [(x - left) / scale, (y - top) / sy];
  };

  function pan(dx, dy) {
    const { scale, sy } = place();
    state.scale ??= scale;
    state.x -= dx / scale;
    state.y -= dy / sy;
  }

  /** The end of the ruler that a press takes hold of, or null. */
  function heldEnd(spot, touch) {
    const [a, b] = state.ruler ? state.ruler.map(toCanvas).map((end) => Math.hypot(spot[0] - end[0], spot[1] - end[1])) : [Infinity, Infinity];
    return Math.min(a, b) > (touch ? 24 : 10) ? null : Number(b < a);
  }

  function level(dx, dy) {
    const unit = (film.percentile(0.995) - film.percentile(0.005)) / 400;
    [state.low, state.high] = levelled([state.low, state.high], dx, dy, unit, 2);
    state.preset = "";
    lutDirty = true;
  }

  function drag(held, spot, dx, dy) {
    if (held.pan) pan(dx, dy);
    else if (state.tool !== "ruler") level(dx, dy);
    else state.ruler = held.end === null ? [held.start, toFilm(spot)] : state.ruler.with(held.end, toFilm(spot));
    link.tell();
    redraw();
  }

  const live = (act) => (...given) => (film ? act(...given) : null);
  hand = onPointers(canvas, {
    down: live((spot, event) => ({
      pan: event.button > 0 || event.shiftKey || state.tool === "pan" || (film.colour && state.tool === "level"),
      start: toFilm(spot),
      end: heldEnd(spot, event.pointerType === "touch"),
    })),
    drag: live(drag),
    up: live(() => (redraw(), say())),
    hover: () => {},
    pinch: live((factor, spot, dx, dy) => (pan(dx, dy), zoomTo(place().scale * factor, spot), link.tell(), redraw())),
    wheel: live((turn, _steps, spot) => change(() => zoomTo(place().scale * Math.exp(-turn / 500), spot))),
  });

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function arrow([dx, dy], shift) {
    if (state.tool === "ruler") {
      const { scale } = place();
      state.ruler ??= [[state.x - 40 / scale, state.y], [state.x + 40 / scale, state.y]];
      const leg = state.ruler[shift ? 0 : 1];
      leg[0] += dx / scale;
      leg[1] += dy / scale;
    } else if (state.tool === "pan" || film.colour) {
      pan(-20 * dx, -20 * dy);
    } else level(10 * dx, 10 * dy);
  }
  canvas.onkeydown = (event) => {
    if (!film || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { off: "heat", heat: "contour", contour: "words", words: "off" };
    const acts = {
      i: () => { state.invert = !state.invert; lutDirty = true; },
      o: () => map && (state.overlay = next[state.overlay]),
      0: reset,
      "+": () => zoomTo(place().scale * 1.25),
      "=": () => zoomTo(place().scale * 1.25),
      "-": () => zoomTo(place().scale / 1.25),
      Escape: () => { state.ruler = null; canvas.blur(); },
    };
    acts.m = mask ? () => (state.mask = !state.mask) : acts.o;
    const act = ARROWS[event.key] ? () => arrow(ARROWS[event.key], event.shiftKey) : acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    change(act);
  };

  // loading

  async function show(given) {
    const same = data?.key === given.key;
    const mine = (data = given);
    link.join(given.link);
    const well_ = wellState(root, given.words, () => show(given));
    if (!same) {
      [film, map, mask] = [null, null, null];
      state = { overlay: "heat", opacity: 0.55, mask: true, maskOpacity: 0.2, tool: "level" };
      canvas.setAttribute("aria-label", given.words.loading);
      well_.loading();
      well.style.height = `${well.clientWidth < 560 ? well.clientWidth : clamp(window.innerHeight - 250, 360, 650)}px`;
    }
    try {
      const [blob, mapBlob, maskBlob] = await Promise.all([given.input, given.map, given.mask].map((url) => (url ? fetchBlob(url) : null)));
      if (data !== mine) return;
      if (!film) {
        film = readFilm(blob);
        reset();
        if (film.colour) state.tool = "pan";
      }
      map = mapBlob?.arrays.map ? readMap(mapBlob, greyed(data.map)) : null;
      mask = maskBlob ? (maskBlob.read ??= readMarks(maskBlob)) : null;
      build();
      well_.done();
      draw();
      say();
    } catch (error) {
      if (data === mine) (well_.failed(), (root.viewState = { ready: false, error: String(error) }));
    }
  }

  unwatch = watch(root, well, redraw);
  return { show, stop: () => (unwatch(), link.leave()) };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createFilm(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
  return () => root.isConnected || root.viewer.stop(); // an earlier run of the page may end after a later one began
}
