// A film: window and level, zoom, pan, ruler, attention. Everything that only changes the view stays here.

const RING = { line: "#F9DC5C", ground: "#0E1215" };

/** Histogram of brightness and the value below which a share of the pixels lies. */
function brightnessOf(pixels, inverted, top) {
  const counts = new Uint32Array(65536);
  for (let i = 0; i < pixels.length; i++) counts[inverted ? top - pixels[i] : pixels[i]]++;
  return (share) => {
    let left = share * pixels.length;
    for (let v = 0; v < 65536; v++) if ((left -= counts[v]) <= 0) return v;
    return top;
  };
}

function greatest(values) {
  let top = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > top) top = values[i];
  return top;
}

/** The map as shares of its peak on a grid of at most `side`, what lowers the score left out. */
function reduced(map, side) {
  const [rows, columns] = map.shape;
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / side));
  const [h2, w2] = [Math.ceil(rows / step), Math.ceil(columns / step)];
  const out = new Float32Array(h2 * w2);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      out[Math.floor(y / step) * w2 + Math.floor(x / step)] += Math.max(0, map.data[y * columns + x]);
  const peak = greatest(out) || 1;
  for (let i = 0; i < out.length; i++) out[i] /= peak;
  return { values: out, rows: h2, columns: w2 };
}

/** The map as a small picture: transparent below 22 % of the peak, full from 57 %. */
function heatPicture(grid) {
  const canvas = h("canvas", { width: grid.columns, height: grid.rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(grid.columns, grid.rows);
  grid.values.forEach((v, i) => {
    image.data.set(heat(HEAT_ON_DARK, v), 4 * i);
    image.data[4 * i + 3] = 255 * clamp((v - HEAT_FROM) / (HEAT_FULL - HEAT_FROM), 0, 1);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Marching squares: closed and open lines of one level, as lists of [x, y] in grid cells. */
function contour({ values, rows, columns }, level) {
  const at = (x, y) => (x < 0 || y < 0 || x >= columns || y >= rows ? 0 : values[y * columns + x]);
  const ends = new Map();
  const key = ([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`;
  for (let y = -1; y < rows; y++)
    for (let x = -1; x < columns; x++) {
      const [a, b, c, d] = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const part = (p, q) => (level - p) / (q - p);
      const cut = [];
      if (a > level !== b > level) cut.push([x + part(a, b), y]);
      if (b > level !== c > level) cut.push([x + 1, y + part(b, c)]);
      if (c > level !== d > level) cut.push([x + part(d, c), y + 1]);
      if (d > level !== a > level) cut.push([x, y + part(a, d)]);
      for (let i = 0; i + 1 < cut.length; i += 2)
        for (const [from, to] of [[cut[i], cut[i + 1]], [cut[i + 1], cut[i]]])
          ends.set(key(from), [...(ends.get(key(from)) ?? []), { from, to }]);
    }
  const lines = [];
  while (ends.size) {
    let [here, steps] = ends.entries().next().value;
    const line = [steps[0].from];
    while (steps?.length) {
      const { from, to } = steps.pop();
      if (!steps.length) ends.delete(here);
      here = key(to);
      steps = ends.get(here);
      if (steps) {
        steps.splice(steps.findIndex((s) => key(s.to) === key(from)), 1);
        if (!steps.length) ends.delete(here);
      }
      line.push(to);
    }
    lines.push(line);
  }
  return lines;
}

/** The zones (thirds by halves, as in the words beside the film) that hold a tenth of the attention or more. */
function findZones({ values, rows, columns }) {
  const cuts = (n, parts) => Array.from({ length: parts + 1 }, (_x, i) => i * Math.floor(n / parts) + Math.min(i, n % parts));
  const [ys, xs] = [cuts(rows, 3), cuts(columns, 2)];
  let all = 0;
  values.forEach((v) => (all += v));
  const zones = [];
  for (let band = 0; band < 3; band++)
    for (let half = 0; half < 2; half++) {
      let [mass, peak, px, py] = [0, 0, 0, 0];
      const cells = [];
      for (let y = ys[band]; y < ys[band + 1]; y++)
        for (let x = xs[half]; x < xs[half + 1]; x++) {
          const v = values[y * columns + x];
          mass += v;
          cells.push([x + 0.5, y + 0.5, v]);
          if (v > peak) [peak, px, py] = [v, x, y];
        }
      const near = cells.filter(([x, y, v]) => v >= 0.6 * peak && Math.hypot(x - px, y - py) < 0.12 * columns);
      const [sx, sy, sum] = near.reduce(([a, b, c], [x, y, v]) => [a + v * x, b + v * y, c + v], [0, 0, 0]);
      zones.push({ x: sx / sum / columns, y: sy / sum / rows, radius: Math.sqrt((1.5 * near.length) / Math.PI) / columns, share: mass / all });
    }
  return zones.sort((a, b) => b.share - a.share).slice(0, 4).filter((zone) => zone.share >= 0.1);
}

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

  function presets() {
    const p = film.percentile;
    return { auto: film.suggested ?? film.exported ?? [p(0.03), p(0.99)], lung: [p(0.005), p(0.62)], bone: [p(0.4), p(0.999)] };
  }

  function setPreset(name) {
    [state.low, state.high] = presets()[name];
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
    context.imageSmoothingQuality = "high";
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
    if (pointers.delete(event.pointerId)) say();
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

  function takeFilm({ header, arrays }) {
    const [rows, columns, channels] = arrays.pixels.shape;
    const pixels = arrays.pixels.data;
    const top = greatest(pixels);
    const spacing = header.spacing_mm?.every((v) => v > 0) ? header.spacing_mm : null;
    film = {
      rows, columns, pixels, top, spacing, bits: header.bits, offset: header.offset, unit: header.step,
      shrunk: header.columns / columns, original: { columns: header.columns, rows: header.rows },
      colour: channels === 3, inverted: header.monochrome1, aspect: spacing ? spacing[0] / spacing[1] : 1,
    };
    film.percentile = brightnessOf(pixels, film.inverted, top);
    film.suggested = suggested(header.window);
    film.exported = exported();
    [picture.width, picture.height] = [columns, rows];
  }

  /** The window that the file suggests, as brightness, unless it hides most of the picture. */
  function suggested(given) {
    if (!given) return null;
    const [centre, width] = [(given[0] - film.offset) / film.unit, given[1] / film.unit];
    const middle = film.inverted ? film.top - centre : centre;
    const [low, high] = [middle - width / 2, middle + width / 2];
    const [dark, bright] = [film.percentile(0.01), film.percentile(0.99)];
    return Math.min(high, bright) - Math.max(low, dark) > 0.4 * (bright - dark) && width < 4 * (bright - dark) ? [low, high] : null;
  }

  /** The full range of an 8-bit picture that uses most of it: it was windowed when it was exported. */
  function exported() {
    if (film.bits > 8 || film.percentile(0.99) - film.percentile(0.01) < 150 / film.unit) return null;
    const [low, high] = [-film.offset / film.unit, (255 - film.offset) / film.unit];
    return film.inverted ? [film.top - high, film.top - low] : [low, high];
  }

  function takeMap(blob) {
    const grid = reduced(blob.arrays.map, 128);
    map = {
      grid, heat: heatPicture(grid), regions: findZones(grid),
      contours: [
        { lines: contour(grid, 0.45), colour: "#F79C2F", stroke: 1.6, dash: [6, 4] },
        { lines: contour(grid, 0.75), colour: "#F9DC5C", stroke: 2.2, dash: [] },
      ],
    };
  }

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
        takeFilm(blob);
        reset();
        if (film.colour) state.tool = "pan";
      }
      map = null;
      if (mapBlob?.arrays.map) takeMap(mapBlob);
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
