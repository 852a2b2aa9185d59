// What is worked out of a film, of the map and of the mask over it, once, before anything is drawn.

const WHOLE = 0.95; // of the pixels' range: a window as wide was written by default, not chosen

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
function heatPicture(grid, palette) {
  const canvas = h("canvas", { width: grid.columns, height: grid.rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(grid.columns, grid.rows);
  grid.values.forEach((v, i) => {
    image.data.set(heat(palette, v), 4 * i);
    image.data[4 * i + 3] = 255 * clamp((v - HEAT_FROM) / (HEAT_FULL - HEAT_FROM), 0, 1);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The window that the file suggests, as brightness, unless it hides most of the picture, or is all of its range. */
function suggested(film, given) {
  if (!given) return null;
  const [centre, width] = [(given[0] - film.offset) / film.unit, given[1] / film.unit];
  const middle = film.inverted ? film.top - centre : centre;
  const [low, high] = [middle - width / 2, middle + width / 2];
  const [dark, bright] = [film.percentile(0.01), film.percentile(0.99)];
  if (Math.min(high, film.top) - Math.max(low, 0) > WHOLE * film.top) return null;
  const seen = Math.min(high, bright) - Math.max(low, dark);
  return seen > 0.4 * (bright - dark) && width < 4 * (bright - dark) ? [low, high] : null;
}

/** The full range of an 8-bit picture that uses most of it: it was windowed when it was exported. */
function exported(film) {
  if (film.bits > 8 || film.percentile(0.99) - film.percentile(0.01) < 150 / film.unit) return null;
  const [low, high] = [-film.offset / film.unit, (255 - film.offset) / film.unit];
  return film.inverted ? [film.top - high, film.top - low] : [low, high];
}

/** The film and halves of it, each pixel the mean of four, down to 512 a side; a colour film is drawn as it is. */
function pyramid({ rows, columns, pixels, colour }) {
  const levels = [{ rows, columns, pixels }];
  for (let last = levels[0]; !colour && Math.max(last.rows, last.columns) >= 1024; last = levels.at(-1)) {
    const [h2, w2] = [last.rows >> 1, last.columns >> 1];
    const half = new Uint16Array(h2 * w2);
    for (let y = 0; y < h2; y++)
      for (let x = 0, i = 2 * y * last.columns; x < w2; x++, i += 2)
        half[y * w2 + x] = (last.pixels[i] + last.pixels[i + 1] + last.pixels[i + last.columns] + last.pixels[i + last.columns + 1] + 2) >> 2;
    levels.push({ rows: h2, columns: w2, pixels: half });
  }
  return levels;
}

/** The film of a blob. Brightness runs up, whatever the file's convention; spacing is null where it is not known. */
function readFilm({ header, arrays }) {
  const [rows, columns, channels] = arrays.pixels.shape;
  const pixels = arrays.pixels.data;
  const spacing = header.spacing_mm?.every((v) => v > 0) ? header.spacing_mm : null;
  const film = {
    rows, columns, pixels, spacing, top: greatest(pixels), bits: header.bits, offset: header.offset, unit: header.step,
    shrunk: header.columns / columns, original: { columns: header.columns, rows: header.rows },
    colour: channels === 3, inverted: header.monochrome1, aspect: spacing ? spacing[0] / spacing[1] : 1,
  };
  film.levels = pyramid(film);
  const p = (film.percentile = brightnessOf(pixels, film.inverted, film.top));
  const auto = suggested(film, header.window) ?? exported(film) ?? [p(0.03), p(0.99)];
  film.presets = { auto, lung: [p(0.005), p(0.62)], bone: [p(0.4), p(0.999)] };
  return film;
}

const LEAST = 0.1; // share of the map from which a region has a number

/** The map of a blob: its picture, contours at 45 and 75 % of the peak, and the zones to number. */
function readMap({ header, arrays }, grey) {
  const grid = reduced(arrays.map, 128);
  const contours = [
    { lines: contour(grid, 0.45), colour: grey ? HEAT_GREY[3] : "#F79C2F", stroke: 1.6, dash: [6, 4] },
    { lines: contour(grid, 0.75), colour: grey ? HEAT_GREY[6] : "#F9DC5C", stroke: 2.2, dash: [] },
  ];
  return { grid, contours, heat: heatPicture(grid, grey ? HEAT_GREY : HEAT_ON_DARK), regions: grey ? [] : (header.regions ?? []).filter((r) => r.share >= LEAST) };
}

const MASK_SIDE = 1024; // cells of a mask's grid along its longer side, at most
const FILM_MASKS = [1, 3, 2, 0].map((i) => MASK_COLOURS[i]); // what is farthest from the heat's colours first

/** How much of each cell is marked, on a grid whose cells are `step` pixels wide. */
function covered(marks, rows, columns, step) {
  const [h2, w2] = [Math.ceil(rows / step), Math.ceil(columns / step)];
  const values = new Float32Array(h2 * w2);
  for (let y = 0, at = 0; y < rows; y++)
    for (let x = 0; x < columns; x++, at++) if (marks[at]) values[Math.floor(y / step) * w2 + Math.floor(x / step)] += 1;
  for (let y = 0, at = 0; y < h2; y++)
    for (let x = 0; x < w2; x++, at++) values[at] /= Math.min(step, rows - y * step) * Math.min(step, columns - x * step);
  return { values, rows: h2, columns: w2 };
}

/** A grid from 0 to 1 as a picture of one colour. */
function fillPicture(grid, colour) {
  const canvas = h("canvas", { width: grid.columns, height: grid.rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(grid.columns, grid.rows);
  const [r, g, b] = rgb(colour);
  grid.values.forEach((share, i) => image.data.set([r, g, b, 255 * share], 4 * i));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The mask of a blob: of each label its fill as a picture, its outline in pixels of the mask, and what was measured of it. */
function readMarks({ header, arrays }) {
  const [count, rows, columns] = arrays.mask.shape;
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / MASK_SIDE));
  const labels = Array.from({ length: Math.min(FILM_MASKS.length, count) }, (_x, i) => {
    const grid = covered(arrays.mask.data.subarray(i * rows * columns, (i + 1) * rows * columns), rows, columns, step);
    const path = new Path2D();
    for (const line of contour(grid, 0.5))
      line.forEach(([x, y], n) => path[n ? "lineTo" : "moveTo"]((x + 0.5) * step, (y + 0.5) * step));
    return { ...header.labels[i], colour: FILM_MASKS[i], picture: fillPicture(grid, FILM_MASKS[i]), path };
  });
  return { labels, rows, columns, step };
}
