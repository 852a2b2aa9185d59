// A film: window and level, zoom, pan, ruler, attention. Everything that only changes the view stays here.

const RING = { line: "#F9DC5C", ground: "#0E1215" };

function createFilm(root) {
  const canvas = root.querySelector("canvas");
  const well = root.querySelector(".well");
  const picture = document.createElement("canvas");
  let [data, film, map, state, unwatch] = [null, null, null, null, null];
  let [lutDirty, controls, pointers] = [true, {}, new Map()];

  const words = () => data.words;
  const size = () => ({ width: well.clientWidth, height: well.clientHeight });
  const fitScale = () => {
    const { width, height } = size();
    return Math.min(width / film.columns, height / (film.rows * film.aspect));
  };

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

  function paintPicture() {
    const context = picture.getContext("2d");
    const image = (film.image ??= context.createImageData(film.columns, film.rows));
    if (film.colour) {
      const scale = 255 / (2 ** film.bits - 1);
      for (let i = 0, n = film.columns * film.rows; i < n; i++) {
        for (let c = 0; c < 3; c++) {
          const v = (film.pixels[3 * i + c] * film.unit + film.offset) * scale;
          image.data[4 * i + c] = state.invert ? 255 - v : v;
        }
        image.data[4 * i + 3] = 255;
      }
    } else {
      const table = new Uint32Array(65536);
      const scale = 255 / (state.high - state.low);
      for (let v = 0; v <= film.top; v++) {
        const b = film.inverted ? film.top - v : v;
        const grey = clamp(Math.round((b - state.low) * scale), 0, 255);
        const shown = state.invert ? 255 - grey : grey;
        table[v] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
      }
      const out = new Uint32Array(image.data.buffer);
      for (let i = 0; i < out.length; i++) out[i] = table[film.pixels[i]];
    }
    context.putImageData(image, 0, 0);
    lutDirty = false;
  }

  const place = () => {
    const { width, height } = size();
    const scale = state.scale ?? fitScale();
    const sy = scale * film.aspect;
    return { scale, sy, left: width / 2 - state.x * scale, top: height / 2 - state.y * sy };
  };
  const toFilm = (event) => {
    const box = canvas.getBoundingClientRect();
    const { scale, sy, left, top } = place();
    return [(event.clientX - box.left - left) / scale, (event.clientY - box.top - top) / sy];
  };

  function draw() {
    if (!film || !root.isConnected) return;
    const { width } = size();
    root.classList.toggle("narrow", width < 560);
    const height = width < 560 ? width : clamp(window.innerHeight - 250, 360, Math.max(650, width * 0.75));
    well.style.height = `${height}px`;
    const context = fitCanvas(canvas, width, height);
    if (lutDirty) paintPicture();
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const { scale, sy, left, top } = place();
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = pointers.size ? "low" : "high"; // fine once the hand rests
    context.drawImage(picture, left, top, film.columns * scale, film.rows * sy);
    if (map && state.overlay !== "off") drawAttention(context, left, top, film.columns * scale, film.rows * sy);
    if (state.ruler) drawRuler(context);
    sync();
  }

  function drawAttention(context, left, top, wide, high) {
    const [cx, cy] = [wide / map.grid.columns, high / map.grid.rows];
    if (state.overlay === "heat") {
      context.globalAlpha = state.opacity;
      context.imageSmoothingEnabled = true;
      context.drawImage(map.heat, left, top, wide, high);
      context.globalAlpha = 1;
    } else {
      for (const { lines, colour, stroke, dash } of map.contours) {
        const path = new Path2D();
        for (const line of lines)
          line.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](left + (x + 0.5) * cx, top + (y + 0.5) * cy));
        context.lineJoin = "round";
        context.setLineDash(dash);
        context.strokeStyle = "#000";
        context.lineWidth = stroke + 2;
        context.stroke(path);
        context.strokeStyle = colour;
        context.lineWidth = stroke;
        context.stroke(path);
      }
      context.setLineDash([]);
    }
    drawRings(context, left, top, wide, high);
  }

  /** A numbered ring beside each region; its leader stops short of the region. */
  function drawRings(context, left, top, wide, high) {
    const { width, height } = size();
    const taken = map.regions.map((r) => [left + r.x * wide, top + r.y * high]);
    map.regions.forEach((region, number) => {
      const [x, y] = taken[number];
      const away = Math.max(14, region.radius * wide) + 44;
      let best = null;
      for (let turn = 0; turn < 12; turn++) {
        const angle = Math.PI / 6 + (turn * Math.PI) / 6;
        const [u, v] = [x + away * Math.cos(angle), y + away * Math.sin(angle)];
        if (u < 16 || v < 44 || u > width - 16 || v > height - 44) continue;
        const room = Math.min(...taken.filter((_p, i) => i !== number).map(([p, q]) => Math.hypot(p - u, q - v)), 400);
        if (!best || room > best.room + 1) best = { room, u, v, angle };
      }
      if (!best) return;
      const { u, v, angle } = best;
      taken.push([u, v]);
      const short = away - 44 + 6;
      for (const [colour, stroke] of [["#000", 3.5], [RING.line, 1.5]]) {
        context.strokeStyle = colour;
        context.lineWidth = stroke;
        context.beginPath();
        context.moveTo(x + short * Math.cos(angle), y + short * Math.sin(angle));
        context.lineTo(u - 10 * Math.cos(angle), v - 10 * Math.sin(angle));
        context.stroke();
      }
      context.beginPath();
      context.arc(u, v, 10, 0, 2 * Math.PI);
      context.fillStyle = RING.ground;
      context.fill();
      context.stroke();
      context.fillStyle = RING.line;
      context.font = "600 12px Plex, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(String(number + 1), u, v + 0.5);
    });
  }

  function rulerText() {
    const [[ax, ay], [bx, by]] = state.ruler;
    if (!film.spacing) return fill(words().ruler_px, { n: (Math.hypot(bx - ax, by - ay) * film.shrunk).toFixed(0) });
    return fill(words().ruler_mm, { n: Math.hypot((bx - ax) * film.spacing[1], (by - ay) * film.spacing[0]).toFixed(1) });
  }

  function drawRuler(context) {
    const { scale, sy, left, top } = place();
    const [a, b] = state.ruler.map(([x, y]) => [left + x * scale, top + y * sy]);
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]) + Math.PI / 2;
    for (const [colour, stroke] of [["#000", 4], ["#4FC1B4", 1.8]]) {
      context.strokeStyle = colour;
      context.lineWidth = stroke;
      context.beginPath();
      context.moveTo(...a);
      context.lineTo(...b);
      for (const [x, y] of [a, b]) {
        context.moveTo(x - 7 * Math.cos(angle), y - 7 * Math.sin(angle));
        context.lineTo(x + 7 * Math.cos(angle), y + 7 * Math.sin(angle));
      }
      context.stroke();
    }
    context.font = "600 13px Plex, sans-serif";
    context.textBaseline = "middle";
    const text = rulerText();
    const wide = context.measureText(text).width + 10;
    const x = clamp(b[0] + 12, 4, size().width - wide - 4);
    const y = clamp(b[1] - 14, 14, size().height - 14);
    context.fillStyle = "rgba(0,0,0,.72)";
    context.fillRect(x, y - 11, wide, 22);
    context.fillStyle = "#4FC1B4";
    context.textAlign = "left";
    context.fillText(text, x + 5, y);
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
    if (controls.opacity) {
      controls.opacity.input.disabled = state.overlay !== "heat";
      controls.opacity.input.value = Math.round(state.opacity * 100);
      controls.opacity.value.textContent = `${Math.round(state.opacity * 100)}\u202f%`;
    }
    const foot = root.querySelector(".legend");
    if (root.shownLegend !== `${!!map} ${state.overlay}`) {
      root.shownLegend = `${!!map} ${state.overlay}`;
      foot.replaceChildren(...(!map || state.overlay === "off" ? [] : state.overlay === "heat" ? legend(words(), HEAT_ON_DARK) : [words().contours]));
    }
    canvas.setAttribute("aria-label", label());
    root.viewState = { ...state, scale, zoom, ready: true, regions: map?.regions ?? [], rulerText: state.ruler ? rulerText() : "" };
  }

  function label() {
    const regions = (map?.regions ?? []).map((r, i) => data.regions[i] ?? fill(words().region, { n: i + 1, share: Math.round(r.share * 100) }));
    return [data.label, fill(words().size, film.original), ...(state.overlay === "off" ? [] : regions)].filter(Boolean).join(". ");
  }

  function say() {
    const parts = [root.querySelector(".bl").textContent.replace("\n", ", ")];
    if (state.ruler) parts.unshift(rulerText());
    root.querySelector(".read").textContent = parts.join(". ");
  }

  const redraw = framed(draw);
  const change = (act) => {
    if (!film) return;
    act();
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
    if (map) {
      controls.overlay = choice(w.attention, [["off", w.off], ["heat", w.heat], ["contour", w.contour]], (v) => change(() => (state.overlay = v)), true);
      controls.overlay.classList.add("first");
      const input = h("input", { type: "range", min: 0, max: 100, "aria-label": w.opacity, oninput: () => change(() => (state.opacity = input.value / 100)) });
      const value = h("span", { class: "value" });
      controls.opacity = h("span", { class: "control extra" }, h("span", { class: "label" }, w.opacity), input, value);
      Object.assign(controls.opacity, { input, value });
      tools.push(controls.overlay, controls.opacity);
    }
    const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => {
      more.setAttribute("aria-expanded", String(root.classList.toggle("open")));
    } }, w.more);
    tools.push(h("span", { class: "control more first" }, h("span", { class: "group" }, more)));
    root.querySelector(".tools").replaceChildren(...tools);
    root.querySelector(".tl").textContent = data.corners.join("\n");
    root.querySelector(".tr").textContent = data.number;
    root.querySelector(".br").textContent = fill(w.size, film.original) + (film.colour ? "" : fill(w.bits, { n: film.bits }));
    root.querySelector(".keys").textContent = w.keys;
  }

  // pointer and keys

  function drag(from, event) {
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const other = a === from ? b : a;
      const was = Math.hypot(from.x - other.x, from.y - other.y);
      const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      const box = canvas.getBoundingClientRect();
      zoomTo((place().scale * now) / Math.max(1, was), [other.x - box.left, other.y - box.top]);
    } else if (from.pan) {
      const { scale, sy } = place();
      state.scale ??= scale;
      state.x -= dx / scale;
      state.y -= dy / sy;
    } else if (state.tool === "ruler") {
      state.ruler = [from.start, toFilm(event)];
    } else {
      level(dx, dy);
    }
    from.x = event.clientX;
    from.y = event.clientY;
  }

  function level(dx, dy) {
    const unit = (film.percentile(0.995) - film.percentile(0.005)) / 400;
    const width = Math.max(2, state.high - state.low + dx * unit);
    const centre = (state.low + state.high) / 2 + dy * unit;
    Object.assign(state, { low: centre - width / 2, high: centre + width / 2, preset: "" });
    lutDirty = true;
  }

  canvas.onpointerdown = (event) => {
    if (!film) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const pan = event.button > 0 || event.shiftKey || state.tool === "pan" || (film.colour && state.tool === "level");
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, pan, start: toFilm(event) });
  };
  canvas.onpointermove = (event) => {
    const from = pointers.get(event.pointerId);
    if (from) (drag(from, event), redraw());
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (pointers.delete(event.pointerId)) (redraw(), say());
  };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => {
    if (!film) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    change(() => zoomTo(place().scale * Math.exp(-event.deltaY / 500), [event.clientX - box.left, event.clientY - box.top]));
  }, { passive: false });

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function arrow([dx, dy], shift) {
    if (state.tool === "ruler") {
      const { scale } = place();
      state.ruler ??= [[state.x - 40 / scale, state.y], [state.x + 40 / scale, state.y]];
      const leg = state.ruler[shift ? 0 : 1];
      leg[0] += dx / scale;
      leg[1] += dy / scale;
    } else if (state.tool === "pan" || film.colour) {
      const { scale, sy } = place();
      state.scale ??= scale;
      state.x += (20 * dx) / scale;
      state.y += (20 * dy) / sy;
    } else level(10 * dx, 10 * dy);
  }
  canvas.onkeydown = (event) => {
    if (!film || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { off: "heat", heat: "contour", contour: "off" };
    const acts = {
      i: () => { state.invert = !state.invert; lutDirty = true; },
      o: () => map && (state.overlay = next[state.overlay]),
      0: reset,
      "+": () => zoomTo(place().scale * 1.25),
      "=": () => zoomTo(place().scale * 1.25),
      "-": () => zoomTo(place().scale / 1.25),
      Escape: () => { state.ruler = null; canvas.blur(); },
    };
    acts.m = acts.o;
    const act = ARROWS[event.key] ? () => arrow(ARROWS[event.key], event.shiftKey) : acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    change(act);
  };

  // loading

  async function show(given) {
    const same = data?.key === given.key;
    const mine = (data = given);
    const well_ = wellState(root, given.words, () => show(given));
    if (!same) {
      [film, map] = [null, null];
      state = { overlay: "heat", opacity: 0.55, tool: "level" };
      canvas.setAttribute("aria-label", given.words.loading);
      well_.loading();
      well.style.height = `${well.clientWidth < 560 ? well.clientWidth : clamp(window.innerHeight - 250, 360, 650)}px`;
    }
    try {
      const [blob, mapBlob] = await Promise.all([fetchBlob(given.input), given.map ? fetchBlob(given.map) : null]);
      if (data !== mine) return;
      if (!film) {
        film = readFilm(blob);
        [picture.width, picture.height] = [film.columns, film.rows];
        reset();
        if (film.colour) state.tool = "pan";
      }
      map = mapBlob?.arrays.map ? readMap(mapBlob) : null;
      build();
      well_.done();
      draw();
      say();
    } catch (error) {
      if (data === mine) (well_.failed(), (root.viewState = { ready: false, error: String(error) }));
    }
  }

  unwatch = watch(root, well, redraw);
  return { show, stop: () => unwatch() };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createFilm(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
  return () => root.viewer.stop();
}
