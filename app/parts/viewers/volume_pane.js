// One plane of a volume on a canvas of its own: the slice, what lies over it, crosshair, measures and scale bar.

const SMOOTH_BELOW = 5; // screen pixels of a voxel: from here on voxels are shown as they are
const BAR_SHARE = 0.22; // of the plane's width, at most, is the scale bar
const EDGE = 26; // pixels of each side left to the letters
const MOST_OUTLINES = 400;
const LEAST_FOR_BAR = 220; // pixels of width below which letters and counts need the room
const LEAST_MM = 1e-3;

function hatch(context) {
  const tile = h("canvas", { width: 8, height: 8 });
  const pen = tile.getContext("2d");
  [pen.strokeStyle, pen.lineWidth] = ["#4A5862", 1];
  for (const shift of [-4, 4]) (pen.beginPath(), pen.moveTo(shift, 8), pen.lineTo(shift + 8, 0), pen.stroke());
  return context.createPattern(tile, "repeat");
}

/** A round number of mm of at most so many. */
function roundMm(most) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(LEAST_MM, most)));
  return [5, 2, 1].find((n) => n * ten <= most) * ten;
}

/** Sets a text where it is another; gives whether it was. */
function write(node, text) {
  if (node.textContent === text) return false;
  node.textContent = text;
  return true;
}

/** shown(): the volume and all that is seen of it, see `load` in volume.js. */
function createPane(name, shown) {
  const canvas = h("canvas", { tabindex: "0", role: "img" });
  const corner = Object.fromEntries(["tl", "tr", "bl"].map((c) => [c, h("div", { class: `corner ${c}` })]));
  const edge = ["left", "right", "top", "bottom"].map((side) => h("span", { class: `edge ${side}`, "aria-hidden": "true" }));
  const node = h("div", { class: "pane", "data-plane": name }, canvas, ...Object.values(corner), ...edge);
  const [grey, mask, attention] = [createLayer(), createLayer(), createLayer()];
  const kept = { size: { width: 0, height: 0 }, outlines: new Map(), pattern: null };

  /** Of each array how this plane reads it; worked out once a volume, mask and map. */
  function reading(now, what, size) {
    if (kept[what]?.of !== now[what]) kept[what] = { of: now[what], how: readsOf(now.volume, now.volume.planes[name], size) };
    return kept[what].how;
  }

  /** Extent of the whole plane on the screen in mm: [wide, high]. */
  function extent({ volume }) {
    const { h: across, v: down, u, w } = volume.planes[name];
    const [a, b] = [across, down].map((axis) => volume.edges[axis][1] - volume.edges[axis][0]);
    return [a * Math.abs(u[0]) + b * Math.abs(w[0]), a * Math.abs(u[1]) + b * Math.abs(w[1])];
  }

  const size = () => kept.size;
  /** Looks how large it is; done for all panes before anything is drawn, so that the page is laid out once. */
  const measure = () => (kept.size = { width: node.clientWidth, height: node.clientHeight });

  /** Pixels a mm and where the plane's middle lies. */
  function place() {
    const now = shown();
    const { width, height } = size();
    const [wide, high] = extent(now);
    const view = (now.state.views[name] ??= { zoom: 1, x: 0, y: 0 });
    const scale = view.zoom * Math.min(width / wide, height / high);
    return { width, height, view, scale, left: width / 2 - view.x * scale, top: height / 2 - view.y * scale };
  }

  /** Screen pixels of an index [along h, along v], and back. */
  function toScreen(point, at = place()) {
    const { volume } = shown();
    const [x, y] = screenMm(volume, volume.planes[name], point);
    return [at.left + x * at.scale, at.top + y * at.scale];
  }
  function toIndex([x, y], at = place()) {
    const { volume } = shown();
    return planeIndex(volume, volume.planes[name], [(x - at.left) / at.scale, (y - at.top) / at.scale]);
  }

  /** Lets a picture of the whole plane be drawn with drawImage(picture, 0, 0). */
  function lay(context, picture, at) {
    const { volume } = shown();
    const { h: across, v: down, u, w } = volume.planes[name];
    const [a, b] = [across, down].map((axis) => volume.edges[axis][1] - volume.edges[axis][0]);
    const [du, dv] = [(a * at.scale) / picture.width, (b * at.scale) / picture.height];
    const [x, y] = [(-a * u[0] - b * w[0]) / 2, (-a * u[1] - b * w[1]) / 2];
    context.transform(du * u[0], du * u[1], dv * w[0], dv * w[1], at.left + x * at.scale, at.top + y * at.scale);
    return Math.min(du, dv);
  }

  function drawPicture(context, picture, at, alpha, smooth) {
    context.save();
    const voxel = lay(context, picture, at);
    context.globalAlpha = alpha;
    context.imageSmoothingEnabled = smooth && voxel < SMOOTH_BELOW;
    context.imageSmoothingQuality = shown().still() ? "high" : "low"; // fine once the hand rests
    context.drawImage(picture, 0, 0);
    context.restore();
  }

  function draw() {
    const now = shown();
    const { volume, state } = now;
    if (!volume || node.hidden || !size().width) return;
    const plane = volume.planes[name];
    const at = place();
    const index = state.at[plane.across];
    const context = fitCanvas(canvas, at.width, at.height);
    context.fillStyle = "#000";
    context.fillRect(0, 0, at.width, at.height);
    paintGrey(grey, `${now.id} ${state.channel} ${index} ${now.tableName}`, volume, reading(now, "volume", volume.size), state.channel, index, now.table);
    drawPicture(context, grey.canvas, at, 1, true);
    if (now.map && state.attention !== "off") {
      paintOver(attention, `${now.mapId} ${index}`, now.map.data, reading(now, "map", now.map.shape), index, greyed(now.mapId) ? GREYS : HEATS);
      drawPicture(context, attention.canvas, at, state.heatOpacity, true);
    }
    if (now.mask && state.mask !== "off") drawMask(context, now, plane, index, at);
    if (!plane.acquired) drawGaps(context, volume, plane, at);
    if (state.lines) drawCrosshair(context, state, plane, at);
    for (const measure of now.here(name)) {
      const text = measure.open ? "" : measured(volume, state.channel, measure, now.words);
      drawMeasure(context, measure, (p) => toScreen(p, at), (m) => outlineOf(m, at), text, measure === state.chosen, at.width, at.height);
    }
    if (volume.real && at.width >= LEAST_FOR_BAR) drawBar(context, at, now.words);
    kept.scale = at.scale;
  }

  /** Hatches what no slice covers: what lies over the slices must not seem to be known there. */
  function drawGaps(context, volume, plane, at) {
    for (const { after, step, usual } of volume.stack.gaps) {
      const [from, to] = [after + usual / 2 / step, after + 1 - usual / 2 / step];
      const last = volume.size[plane.h === 0 ? plane.v : plane.h] - 0.5;
      const around = [[-0.5, from], [last, from], [last, to], [-0.5, to]];
      context.beginPath();
      for (const [other, slice] of around) context.lineTo(...toScreen(plane.h === 0 ? [slice, other] : [other, slice], at));
      for (const ground of ["#000", (kept.pattern ??= hatch(context))]) {
        context.fillStyle = ground;
        context.fill();
      }
    }
  }

  const outlineOf = (measure, at = place()) =>
    corners(shown().volume, measure).map(([x, y]) => [at.left + x * at.scale, at.top + y * at.scale]);

  /** Outline of a label in a slice, in mm on the screen; kept. */
  function outlineMm({ volume, mask: given, maskId }, plane, label, index) {
    const key = `${maskId} ${label} ${index}`;
    if (kept.outlines.has(key)) return kept.outlines.get(key);
    if (kept.outlines.size > MOST_OUTLINES) kept.outlines.clear();
    const path = new Path2D();
    for (const line of outline(given, given.labels[label], plane, index))
      line.forEach((p, i) => path[i ? "lineTo" : "moveTo"](...screenMm(volume, plane, p)));
    kept.outlines.set(key, path);
    return path;
  }

  /** The labels' fill, and their outlines (kept by slice) over it. */
  function drawMask(context, now, plane, index, at) {
    const { state } = now;
    const labels = now.mask.labels.map((_l, i) => i).filter((i) => state.labels[i]);
    if (state.mask === "fill") {
      paintOver(mask, `${now.maskId} ${index} ${labels}`, now.mask.bits, reading(now, "mask", now.mask.size), index, maskColours(labels));
      drawPicture(context, mask.canvas, at, state.maskOpacity, false);
    }
    context.lineJoin = "round";
    for (const label of labels) {
      const path = new Path2D();
      path.addPath(outlineMm(now, plane, label, index), new DOMMatrix([at.scale, 0, 0, at.scale, at.left, at.top]));
      context.setLineDash(state.mask === "fill" && label === 0 ? [] : MASK_DASHES[label % 4]);
      strokeOutline(context, path, MASK_COLOURS[label % 4]);
    }
    context.setLineDash([]);
  }

  /** Lines along the grid's own axes, open around the voxel that they mark. */
  function drawCrosshair(context, state, plane, at) {
    const [x, y] = toScreen([state.at[plane.h], state.at[plane.v]], at);
    const reach = at.width + at.height;
    context.save();
    context.beginPath();
    context.rect(EDGE, EDGE, at.width - 2 * EDGE, at.height - 2 * EDGE);
    context.clip();
    context.globalAlpha = 0.75;
    [context.strokeStyle, context.lineWidth] = [HUMAN, 1];
    context.beginPath();
    for (const [a, b] of [plane.u, plane.w])
      for (const side of [-1, 1]) {
        context.moveTo(x + side * 7 * a, y + side * 7 * b);
        context.lineTo(x + side * reach * a, y + side * reach * b);
      }
    context.stroke();
    context.restore();
  }

  function drawBar(context, at, words) {
    const mm = roundMm((BAR_SHARE * at.width) / at.scale);
    const [long, right, y] = [mm * at.scale, at.width - 12, at.height - 14];
    const path = new Path2D();
    path.moveTo(right - long, y - 4);
    path.lineTo(right - long, y + 4);
    path.moveTo(right - long, y);
    path.lineTo(right, y);
    path.moveTo(right, y - 4);
    path.lineTo(right, y + 4);
    context.font = "400 12px Plex, sans-serif";
    [context.textAlign, context.textBaseline, context.lineJoin] = ["right", "middle", "round"];
    const text = fill(words.mm, { n: Number(mm.toPrecision(1)) });
    for (const [colour, stroke] of [["#000", 4], ["#E6EBEE", 1.5]]) {
      [context.strokeStyle, context.lineWidth] = [colour, stroke];
      context.stroke(path);
      if (colour === "#000") context.strokeText(text, right - long - 8, y);
    }
    context.fillStyle = "#E6EBEE";
    context.fillText(text, right - long - 8, y);
    kept.bar = { mm, pixels: long };
  }

  /** Names the picture for screen readers. */
  const speak = (text) => kept.spoken !== text && canvas.setAttribute("aria-label", (kept.spoken = text));

  /** Corners, letters and the name for screen readers. */
  function label() {
    const now = shown();
    const { volume, state, words } = now;
    const plane = volume.planes[name];
    const index = state.at[plane.across];
    const large = now.large() === name;
    const [title, all] = [now.planeName(name), volume.size[plane.across]];
    const facts = large ? now.facts : [];
    if (write(corner.tl, [title, ...facts].join("\n"))) corner.tl.replaceChildren(h("b", {}, title), ...facts.flatMap((f) => ["\n", f]));
    write(corner.tr, `${index + 1} / ${all}`);
    if (!large) write(corner.bl, "");
    edge.forEach((span, i) => write(span, plane.ends[i]));
    const spoken = [title, fill(words.slice_of, { n: index + 1, all }), volume.placed ? fill(words.sides, { left: plane.ends[0], right: plane.ends[1] }) : ""];
    const whole = [now.title, ...spoken, ...now.over()].filter(Boolean).join(". ");
    speak(whole);
    node.classList.toggle("active", state.active === name);
    canvas.dataset.tool = state.tool;
  }

  return {
    name, node, canvas, draw, measure, speak, label, place, toScreen, toIndex, size,
    tell: (text) => write(corner.bl, text),
    state: () => ({ ends: shown().volume?.planes[name].ends, scale: kept.scale, bar: kept.bar ?? null }),
  };
}
