// What the canvas viewers share: fetching packed bytes, colours of the theme, small controls.

const ARRAYS = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, float32: Float32Array };
const BLOBS = (window.medcoreBlobs ??= new Map()); // address -> promise; survives page switches, not reloads
const MOST_BYTES = 512 * 2 ** 20; // of what is kept, beside the last three, which one viewer may be showing
const HEAT_ON_DARK = ["#3C1C5C", "#682080", "#972C78", "#C44062", "#E46240", "#F79C2F", "#F9DC5C"];
const HEAT_ON_LIGHT = ["#FFECCC", "#FDD69C", "#FAB76C", "#F29346", "#E46D2D", "#CD4C1E", "#B03416"];
const HEAT_GREY = ["#2E3A46", "#44525F", "#5A6A79", "#718394", "#8A9CAE", "#A5B7C8", "#C4D4E2"];
const MASK_COLOURS = ["#F08A52", "#56B4E9", "#E8CB6A", "#FFFFFF"];
const MASK_DASHES = [[], [6, 4], [], [1.5, 3]];
const HEAT_FROM = 0.22; // below this share of the peak nothing is drawn
const HEAT_FULL = 0.57;

/** Header and arrays of a packed blob: 4-byte length, JSON, arrays on 8-byte steps. */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const { name, dtype, shape, offset } of header.arrays) {
    const size = shape.reduce((a, b) => a * b, 1);
    arrays[name] = { shape, data: new ARRAYS[dtype](buffer, 4 + length + offset, size) };
  }
  return { header, arrays };
}

function fetchBlob(url) {
  if (!BLOBS.has(url)) {
    const got = fetch(url, { credentials: "same-origin" }).then(async (reply) => {
      if (!reply.ok) throw new Error(`${reply.status}`);
      const buffer = await reply.arrayBuffer();
      got.bytes = buffer.byteLength;
      return unpack(buffer);
    });
    got.catch(() => BLOBS.delete(url));
    BLOBS.set(url, got);
    const held = () => [...BLOBS.values()].reduce((sum, one) => sum + (one.bytes ?? 0), 0);
    while (BLOBS.size > 8 || (BLOBS.size > 3 && held() > MOST_BYTES)) BLOBS.delete(BLOBS.keys().next().value);
  }
  return BLOBS.get(url);
}

/** An element: h("button", {class: "x", onclick}, "text", child …). */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node[name] = value;
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** A labelled row of buttons of which one is pressed. options: [[value, text], …] */
function choice(label, options, onpick, shown = false) {
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", "data-value": value, "aria-pressed": "false", onclick: () => onpick(value) }, text),
  );
  const group = h("span", { class: "group", role: "group", "aria-label": label }, ...buttons);
  const node = h("span", { class: "control" }, ...(shown ? [h("span", { class: "label" }, label), group] : [group]));
  node.set = (value) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.value === String(value))));
  return node;
}

/** A button that is pressed or not; `set` shows which. */
function toggle(text, act) {
  const node = h("button", { type: "button", "aria-pressed": "false", onclick: act }, text);
  node.set = (on) => node.setAttribute("aria-pressed", String(Boolean(on)));
  return node;
}

const group = (label, ...buttons) => h("span", { class: "control" }, h("span", { class: "group", role: "group", "aria-label": label }, ...buttons));

/** Fills a box with controls; the keyboard's focus stays on the one of the same name, else on the one at its place. */
function refill(box, ...nodes) {
  const all = () => [...box.querySelectorAll("button, input")];
  const name = (one) => `${one.closest("[role=group]")?.getAttribute("aria-label")}: ${one.getAttribute("aria-label") ?? one.textContent}`;
  const [before, at] = [all().map(name), all().indexOf(box.getRootNode().activeElement)];
  box.replaceChildren(...nodes);
  if (at < 0) return;
  const nth = before.slice(0, at).filter((one) => one === before[at]).length; // of those of that name
  const held = all().filter((one) => name(one) === before[at])[nth] ?? all()[Math.min(at, all().length - 1)];
  held?.focus({ preventScroll: true });
}

/** Shows and hides what a narrow toolbar has no room for. */
function moreButton(root, words) {
  const more = h("button", { type: "button", "aria-expanded": String(root.classList.contains("open")), onclick: () => {
    more.setAttribute("aria-expanded", String(root.classList.toggle("open")));
  } }, words.more);
  return h("span", { class: "control more first" }, h("span", { class: "group" }, more));
}

/** Puts the tools into the viewer's bar, which is named `title`. */
function setTools(root, title, tools) {
  const bar = root.querySelector(".tools");
  bar.setAttribute("aria-label", title);
  refill(bar, ...tools);
}

/** A slider from 0 to 100 with its value in words. */
function slider(name, act) {
  const input = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": name, oninput: () => act(Number(input.value)) });
  const value = h("span", { class: "value" });
  return Object.assign(h("span", { class: "control" }, input, value), { input, value });
}

/** Strokes an outline so that it is seen on light and dark ground. */
function strokeOutline(context, path, colour) {
  for (const [paint, width] of [["rgba(0,0,0,.55)", 3], [colour, 1.6]]) {
    [context.strokeStyle, context.lineWidth] = [paint, width];
    context.stroke(path);
  }
}

/** The mark of a label in a legend. */
function swatch(colour, line = "solid") {
  const mark = h("i", { class: "swatch", "aria-hidden": "true" });
  mark.style.setProperty("--c", colour);
  mark.style.borderStyle = line;
  return mark;
}

/** Colours of the theme as the browser computes them, by token ("text", "human" …). */
function colours(root, names) {
  const probe = root.querySelector(".probe");
  const found = {};
  for (const name of names) {
    probe.style.setProperty("color", `var(--d-${name})`);
    found[name] = getComputedStyle(probe).color;
  }
  probe.style.removeProperty("color");
  return found;
}

function isDark(root) {
  const [r, g, b] = getComputedStyle(root.querySelector(".watch")).color.match(/[\d.]+/g).map(Number);
  return r + g + b > 384; // the text is light
}

/** Calls `then` on a new size, a new theme, and when the fonts have come. Gives a function that stops it. */
function watch(root, box, then) {
  const sizes = new ResizeObserver(then);
  sizes.observe(box);
  // A change of theme changes the computed colour of .watch, which has a transition: no other sign covers all causes.
  root.querySelector(".watch").ontransitionend = then;
  for (const font of ["400 12px Plex", "600 13px Plex"]) document.fonts.load(font).then(then, then);
  return () => sizes.disconnect();
}

/** Runs `draw` at most once a frame. */
function framed(draw) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
}

/** Sizes a canvas in CSS pixels for the screen's density; gives its context, scaled to CSS pixels. */
function fitCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const [w, hgt] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== hgt) {
    canvas.width = w;
    canvas.height = hgt;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  return context;
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** Colour of strength 0 to 1 on a palette, between its stops. */
function heat(palette, t) {
  const at = Math.min(0.9999, Math.max(0, t)) * (palette.length - 1);
  const [a, b] = [rgb(palette[Math.floor(at)]), rgb(palette[Math.floor(at) + 1])];
  return a.map((v, i) => Math.round(v + (b[i] - v) * (at % 1)));
}

/** Marching squares: closed and open lines of one level, as lists of [x, y] in grid cells. */
function contour({ values, rows, columns }, level) {
  const at = (x, y) => (x < 0 || y < 0 || x >= columns || y >= rows ? 0 : values[y * columns + x]);
  const edge = (x, y, down) => 2 * ((y + 1) * (columns + 2) + x + 1) + down; // number of a side of a grid cell
  const [links, points] = [new Map(), new Map()]; // of a side that is crossed: the next ones, and where it is crossed
  const link = (from, to) => (links.has(from) ? links.get(from).push(to) : links.set(from, [to]));
  for (let y = -1; y < rows; y++)
    for (let x = -1; x < columns; x++) {
      const [a, b, c, d] = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      if (a > level === b > level && b > level === c > level && c > level === d > level) continue;
      const part = (p, q) => (level - p) / (q - p);
      const cut = [];
      const crossed = (key, point) => (points.set(key, point), cut.push(key));
      if (a > level !== b > level) crossed(edge(x, y, 0), [x + part(a, b), y]);
      if (b > level !== c > level) crossed(edge(x + 1, y, 1), [x + 1, y + part(b, c)]);
      if (c > level !== d > level) crossed(edge(x, y + 1, 0), [x + part(d, c), y + 1]);
      if (d > level !== a > level) crossed(edge(x, y, 1), [x, y + part(a, d)]);
      for (let i = 0; i + 1 < cut.length; i += 2) (link(cut[i], cut[i + 1]), link(cut[i + 1], cut[i]));
    }
  const lines = [];
  for (const [start, ways] of links)
    while (ways.length) {
      const line = [points.get(start)];
      for (let here = start; links.get(here).length; ) {
        const next = links.get(here).pop();
        const back = links.get(next);
        back.splice(back.indexOf(here), 1);
        line.push(points.get(next));
        here = next;
      }
      lines.push(line);
    }
  return lines;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
const grouped = (value) => String(Math.round(value)).replace("-", "\u2212").replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** The words of the well while nothing can be drawn: loading, or what went wrong and a button. */
function wellState(root, words, retry) {
  const box = root.querySelector(".state");
  return {
    loading: () => box.replaceChildren(h("span", {}, words.loading)),
    failed: () =>
      box.replaceChildren(h("span", { role: "alert" }, words.failed), h("button", { type: "button", onclick: retry }, words.retry)),
    done: () => box.replaceChildren(),
  };
}

/** Whether the map at that address failed its checks: it is drawn in greys. */
const greyed = (address) => !!address && address.endsWith("&grey");

function legend(words, palette) {
  const bar = h("i", { class: "ramp", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${palette.join(",")})`;
  return [h("span", {}, words.low), bar, h("span", {}, words.high)];
}
