// Distances and areas on the slices of a volume. Points are indices [along h, along v] of the plane they were drawn on.

const MEASURES = ["distance", "ellipse", "polygon"];
const HUMAN = "#4FC1B4"; // on the black well, in both themes
const ROUND = 48; // corners that stand for an ellipse

/** Corners of a measure on the screen's own mm: of an ellipse, those of a polygon that fills it. */
function corners(volume, measure) {
  const points = measure.points.map((p) => screenMm(volume, volume.planes[measure.plane], p));
  if (measure.kind !== "ellipse") return points;
  const [[ax, ay], [bx, by]] = points;
  return Array.from({ length: ROUND }, (_x, i) => {
    const turn = (2 * Math.PI * i) / ROUND;
    return [(ax + bx) / 2 + ((bx - ax) / 2) * Math.cos(turn), (ay + by) / 2 + ((by - ay) / 2) * Math.sin(turn)];
  });
}

/** Area of a polygon by the shoelace formula; of an ellipse exactly. In square mm. */
function area(volume, measure) {
  const points = corners(volume, measure);
  if (measure.kind === "ellipse") {
    const [[ax, ay], [bx, by]] = measure.points.map((p) => screenMm(volume, volume.planes[measure.plane], p));
    return (Math.PI / 4) * Math.abs((bx - ax) * (by - ay));
  }
  const twice = points.reduce((sum, [x, y], i) => {
    const [p, q] = points[(i + 1) % points.length];
    return sum + x * q - p * y;
  }, 0);
  return Math.abs(twice) / 2;
}

function inside([x, y], points) {
  let within = false;
  for (let i = 0, k = points.length - 1; i < points.length; k = i++) {
    const [[ax, ay], [bx, by]] = [points[i], points[k]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}

/**
 * Mean and standard deviation of the voxels whose middles lie within, and their number; null where there are none, and
 * on planes across an uneven stack, whose slices stand for unequal lengths.
 */
function values(volume, channel, measure) {
  const plane = volume.planes[measure.plane];
  if (!plane.acquired && !volume.stack.even) return null;
  const points = corners(volume, measure).map((p) => planeIndex(volume, plane, p));
  const range = (k, axis) => {
    const all = points.map((p) => p[k]);
    return [Math.max(0, Math.ceil(Math.min(...all))), Math.min(volume.size[axis] - 1, Math.floor(Math.max(...all)))];
  };
  const [[left, right], [top, bottom]] = [range(0, plane.h), range(1, plane.v)];
  let [n, mean, spread] = [0, 0, 0];
  const at = [0, 0, 0];
  at[plane.across] = measure.slice;
  for (let j = top; j <= bottom; j++)
    for (let i = left; i <= right; i++) {
      if (!inside([i, j], points)) continue;
      [at[plane.h], at[plane.v]] = [i, j];
      const value = valueAt(volume, channel, at);
      const off = value - mean; // Welford's running mean and sum of squares
      mean += off / ++n;
      spread += off * (value - mean);
    }
  return n ? { n, mean, deviation: Math.sqrt(spread / n) } : null;
}

/** What a measure says: mm where the file's spacing is real, else pixels. */
function measured(volume, channel, measure, words) {
  const digits = (value) => value.toFixed(value < 100 ? 1 : 0);
  if (measure.kind === "distance") {
    const [[ax, ay], [bx, by]] = corners(volume, measure);
    const far = Math.hypot(bx - ax, by - ay);
    return fill(volume.real ? words.mm : words.pixels, { n: digits(far) });
  }
  const size = area(volume, measure);
  const square = !volume.real ? fill(words.square_pixels, { n: grouped(size) })
    : size >= 1000 ? fill(words.square_cm, { n: digits(size / 100) }) : fill(words.square_mm, { n: digits(size) });
  const found = values(volume, channel, measure);
  if (!found) return square;
  const spread = { mean: worded(volume, found.mean), sd: worded(volume, found.deviation), unit: volume.header.units || "" };
  return `${square}, ${fill(words.mean, spread).trim()}`;
}

/** A value with as many decimals as the stored steps ask for, and a true minus. */
function worded(volume, value) {
  const decimals = volume.scale % 1 ? clamp(Math.ceil(-Math.log10(volume.scale)), 0, 4) : 0;
  const text = Math.abs(value).toFixed(decimals);
  return (value < 0 && Number(text) ? "\u2212" : "") + text;
}

/** The measure, or one of its points, near a spot of the screen. */
function nearest(measures, toScreen, spot, reach) {
  for (const measure of measures)
    for (const [i, point] of measure.points.entries()) {
      const [x, y] = toScreen(point);
      if (Math.hypot(x - spot[0], y - spot[1]) <= reach) return { measure, point: i };
    }
  return null;
}

/** Lines, handles and the words of one measure. */
function drawMeasure(context, measure, toScreen, outlineOf, text, chosen, width, height) {
  const path = new Path2D();
  const line = outlineOf(measure);
  line.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](x, y));
  if (measure.kind !== "distance" && !measure.open) path.closePath();
  for (const point of measure.points) {
    const [x, y] = toScreen(point);
    path.moveTo(x + 4, y);
    path.arc(x, y, 4, 0, 2 * Math.PI);
  }
  for (const [colour, stroke] of [["#000", chosen ? 4.5 : 3.5], [HUMAN, chosen ? 2.2 : 1.5]]) {
    [context.strokeStyle, context.lineWidth] = [colour, stroke];
    context.stroke(path);
  }
  if (measure.open) return;
  context.font = "600 12px Plex, sans-serif";
  [context.textAlign, context.textBaseline] = ["left", "middle"];
  const wide = context.measureText(text).width + 10;
  const [right, y] = [Math.max(...line.map((p) => p[0])), line.reduce((sum, p) => sum + p[1], 0) / line.length];
  const before = Math.min(...line.map((p) => p[0])) - wide - 8;
  const left = clamp(right + wide + 12 > width && before > 4 ? before : right + 8, 4, Math.max(4, width - wide - 4));
  const middle = clamp(y, 14, height - 14);
  context.fillStyle = "rgba(0,0,0,.75)";
  context.fillRect(left, middle - 11, wide, 22);
  context.fillStyle = HUMAN;
  context.fillText(text, left + 5, middle);
}
