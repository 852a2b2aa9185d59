// What is drawn of a film: its greys, the mask, the map over it as heat, contours or words, numbered regions, the ruler.
// `view` holds film, map, state, words and regions; `box` where the picture lies on the canvas, in CSS pixels.

const RING = { line: "#F9DC5C", ground: "#0E1215" };
const RULER = "#4FC1B4";

/** The step of the film's pyramid that a zoom needs: halved until a pixel of it would be larger than the screen's. */
function levelFor(film, scale) {
  let step = 0;
  while (step + 1 < film.levels.length && scale * 2 ** (step + 1) <= 1) step++;
  return film.levels[step];
}

/** A level's pixels through the window, as a picture of the level's size. */
function paintPicture(picture, film, level, state) {
  if (picture.width !== level.columns || picture.height !== level.rows) [picture.width, picture.height] = [level.columns, level.rows];
  const context = picture.getContext("2d");
  const image = (level.image ??= context.createImageData(level.columns, level.rows));
  if (film.colour) paintColour(image.data, film, state.invert);
  else {
    const table = greys(film, state);
    const out = new Uint32Array(image.data.buffer);
    for (let i = 0; i < out.length; i++) out[i] = table[level.pixels[i]];
  }
  context.putImageData(image, 0, 0);
}

/** What each stored value is shown as, red, green, blue and opacity in one number. */
function greys(film, { low, high, invert }) {
  const table = new Uint32Array(65536);
  const scale = 255 / (high - low);
  for (let v = 0; v <= film.top; v++) {
    const b = film.inverted ? film.top - v : v;
    const grey = clamp(Math.round((b - low) * scale), 0, 255);
    const shown = invert ? 255 - grey : grey;
    table[v] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
  }
  return table;
}

function paintColour(out, film, invert) {
  const scale = 255 / (2 ** film.bits - 1);
  for (let i = 0, n = film.columns * film.rows; i < n; i++) {
    for (let c = 0; c < 3; c++) {
      const v = (film.pixels[3 * i + c] * film.unit + film.offset) * scale;
      out[4 * i + c] = invert ? 255 - v : v;
    }
    out[4 * i + 3] = 255;
  }
}

/** The labels' fill beneath the attention. */
function drawFill(context, { labels, rows, columns, step }, opacity, { left, top, wide, high }) {
  context.globalAlpha = opacity;
  for (const { picture } of labels)
    context.drawImage(picture, left, top, (picture.width * step * wide) / columns, (picture.height * step * high) / rows);
  context.globalAlpha = 1;
}

/** The labels' outlines over it. */
function drawOutlines(context, { labels, rows, columns }, { left, top, wide, high }) {
  context.lineJoin = "round";
  for (const label of labels) {
    const path = new Path2D();
    path.addPath(label.path, new DOMMatrix([wide / columns, 0, 0, high / rows, left, top]));
    strokeOutline(context, path, label.colour);
  }
}

function drawAttention(context, view, box) {
  const { map, state } = view;
  if (state.overlay === "heat") {
    context.globalAlpha = state.opacity;
    context.imageSmoothingEnabled = true;
    context.drawImage(map.heat, box.left, box.top, box.wide, box.high);
    context.globalAlpha = 1;
  } else if (state.overlay === "contour") drawContours(context, map, box);
  drawRings(context, view, box);
}

function drawContours(context, map, { left, top, wide, high }) {
  const [cx, cy] = [wide / map.grid.columns, high / map.grid.rows];
  context.lineJoin = "round";
  for (const { lines, colour, stroke, dash } of map.contours) {
    const path = new Path2D();
    for (const line of lines)
      line.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](left + (x + 0.5) * cx, top + (y + 0.5) * cy));
    context.setLineDash(dash);
    for (const [paint, width] of [["#000", stroke + 2], [colour, stroke]]) {
      context.strokeStyle = paint;
      context.lineWidth = width;
      context.stroke(path);
    }
  }
  context.setLineDash([]);
}

/** A numbered ring beside each region; its leader stops short of the region. As words, what the region is called. */
function drawRings(context, view, { left, top, wide, high, width, height }) {
  const { map, state, regions } = view;
  const taken = map.regions.map((r) => [left + r.x * wide, top + r.y * high]);
  map.regions.forEach((region, number) => {
    const [x, y] = taken[number];
    const away = Math.max(14, region.radius * wide) + 44;
    const others = taken.filter((_p, i) => i !== number);
    const place = freePlace(x, y, away, others, width, height);
    if (!place) return;
    const { u, v, angle } = place;
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
    drawRing(context, u, v, String(number + 1));
    if (state.overlay === "words") drawPlate(context, regions[number] ?? "", u + 16, v, RING.line, width, height);
  });
}

/** Of twelve places round a region the one farthest from all else, inside the well; null where none is inside. */
function freePlace(x, y, away, others, width, height) {
  let best = null;
  for (let turn = 0; turn < 12; turn++) {
    const angle = Math.PI / 6 + (turn * Math.PI) / 6;
    const [u, v] = [x + away * Math.cos(angle), y + away * Math.sin(angle)];
    if (u < 16 || v < 44 || u > width - 16 || v > height - 44) continue;
    const room = Math.min(...others.map(([p, q]) => Math.hypot(p - u, q - v)), 400);
    if (!best || room > best.room + 1) best = { room, u, v, angle };
  }
  return best;
}

function drawRing(context, u, v, text) {
  context.beginPath();
  context.arc(u, v, 10, 0, 2 * Math.PI);
  context.fillStyle = RING.ground;
  context.fill();
  context.stroke();
  context.fillStyle = RING.line;
  context.font = "600 12px Plex, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, u, v + 0.5);
}

/** Text on a dark plate, kept inside the well. */
function drawPlate(context, text, x, y, colour, width, height) {
  context.font = "600 13px Plex, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "left";
  const wide = context.measureText(text).width + 10;
  const [left, middle] = [clamp(x, 4, Math.max(4, width - wide - 4)), clamp(y, 14, height - 14)];
  context.fillStyle = "rgba(0,0,0,.72)";
  context.fillRect(left, middle - 11, wide, 22);
  context.fillStyle = colour;
  context.fillText(text, left + 5, middle);
}

/** The ruler's length: millimetres only where the file has a spacing. */
function rulerText(film, [[ax, ay], [bx, by]], words) {
  if (!film.spacing) return fill(words.ruler_px, { n: (Math.hypot(bx - ax, by - ay) * film.shrunk).toFixed(0) });
  return fill(words.ruler_mm, { n: Math.hypot((bx - ax) * film.spacing[1], (by - ay) * film.spacing[0]).toFixed(1) });
}

/** The ruler between two places of the canvas. */
function drawRuler(context, a, b, text, width, height) {
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]) + Math.PI / 2;
  for (const [colour, stroke] of [["#000", 4], [RULER, 1.8]]) {
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
  drawPlate(context, text, b[0] + 12, b[1] - 14, RULER, width, height);
}
