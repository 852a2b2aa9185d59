// A volume's geometry, worked out once: its three planes, where each slice lies, and what windows fit it.

// Axes of the array: 0 slices, 1 rows, 2 columns. Patient axes as in DICOM: x to the left, y to the back, z to the head.
const VIEWS = {
  axial: { right: [1, 0, 0], down: [0, 1, 0], across: 2 },
  coronal: { right: [1, 0, 0], down: [0, 0, -1], across: 1 },
  sagittal: { right: [0, 1, 0], down: [0, 0, -1], across: 0 },
};
const PLANES = Object.keys(VIEWS);
const LETTERS = [["R", "L"], ["A", "P"], ["F", "H"]];
const SECOND_LETTER = Math.sin(Math.PI / 12); // a direction 15° off its axis or more gets its second letter
const EVEN = 0.02; // slices whose distances differ by less than this share of the mean count as even
const GAP = 1.5; // times the usual distance nearby: from here on a slice is missing, and nothing is drawn there
const UPRIGHT = Math.cos(Math.PI / 180); // a stack that leans by less than 1° counts as upright
// Centre and width in HU, after the windows of Radiopaedia's article "Windowing (CT)".
const CT_WINDOWS = { lung: [-600, 1500], mediastinum: [50, 350], bone: [400, 1800], brain: [40, 80], stroke: [40, 40] };

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const times = (a, k) => a.map((v) => v * k);
const plus = (a, b) => a.map((v, i) => v + b[i]);
const unit = (a) => times(a, 1 / (Math.hypot(...a) || 1));

/** Which axis of the array runs most along each patient axis: [x, y, z]. */
function assigned(directions) {
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const fit = (order) => order.reduce((sum, axis, patient) => sum + Math.abs(directions[axis][patient]), 0);
  return orders.reduce((best, order) => (fit(order) > fit(best) + 1e-9 ? order : best));
}

/** mm of each slice along the slice axis, from the first. lean: mm along the normal of one mm along that axis. */
function slicePlaces(header, count, step, lean) {
  const given = header.positions_mm;
  if (given?.length !== count) return Float64Array.from({ length: count }, (_x, i) => i * Math.hypot(...step));
  return Float64Array.from(given, (p) => Math.abs(p - given[0]) / lean);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Distances between slices: whether they are even, and those that are gaps with the distance usual nearby. */
function distances(places) {
  const steps = Array.from(places.subarray(1), (p, i) => p - places[i]);
  const mean = steps.reduce((a, b) => a + b, 0) / (steps.length || 1);
  const gaps = [];
  steps.forEach((step, i) => {
    const near = steps.slice(Math.max(0, i - 3), i + 4).filter((_s, k) => k !== Math.min(i, 3));
    const usual = near.length ? median(near) : step;
    if (step > GAP * usual) gaps.push({ after: i, step, usual });
  });
  return { steps, gaps, even: steps.every((s) => Math.abs(s - mean) <= EVEN * mean) };
}

/**
 * Rows of a reformatted picture: the slice that each shows, and how far it lies towards the next (in a gap: the nearer).
 * Even stacks have a row a slice; the others are laid out at the smallest distance, so that all lie at their true place.
 */
function layersOf(places, { steps, gaps, even }, thick) {
  const count = places.length;
  if (even) return { at: Int32Array.from({ length: count }, (_x, i) => i), part: new Float32Array(count) };
  const [from, to] = [places[0] - steps[0] / 2, places[count - 1] + steps.at(-1) / 2];
  const rows = Math.ceil(Math.min(1024, (to - from) / Math.max(0.2, Math.min(...steps, thick))));
  const [at, part] = [new Int32Array(rows), new Float32Array(rows)];
  for (let row = 0, i = 0; row < rows; row++) {
    const mm = clamp(from + ((row + 0.5) * (to - from)) / rows, places[0], places[count - 1]);
    while (i < count - 2 && mm > places[i + 1]) i++;
    const [before, after] = [mm - places[i], places[i + 1] - mm];
    at[row] = i;
    part[row] = gaps.some((g) => g.after === i) ? Number(before > after) : before / (before + after);
  }
  return { at, part };
}

/** Letters of a direction in the patient: the axis that it runs along, then a second one where it is oblique. */
function letters(direction) {
  const order = [0, 1, 2].sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]));
  const named = order.filter((axis, i) => i === 0 || (i === 1 && Math.abs(direction[axis]) >= SECOND_LETTER));
  return named.map((axis) => LETTERS[axis][direction[axis] > 0 ? 1 : 0]).join("");
}

/**
 * One plane of the volume's own grid. h, v, across: axes of the array to the right, down and through it; u, w: mm on the
 * screen of one mm along h and v (a tilted stack leans, as it does in the patient).
 */
function planeOf(volume, name) {
  const view = VIEWS[name];
  const patient = assigned(volume.directions);
  const across = patient[view.across];
  const [h, v] = [view.right, view.down].map((wanted) => patient[wanted.findIndex((x) => x !== 0)]);
  const flip = [dot(volume.directions[h], view.right) < 0, dot(volume.directions[v], view.down) < 0];
  const [right, down] = [times(volume.directions[h], flip[0] ? -1 : 1), times(volume.directions[v], flip[1] ? -1 : 1)];
  const lean = dot(right, down);
  const upright = Math.sqrt(1 - lean * lean);
  const [u, w] = h === 0 ? [[upright, lean], [0, 1]] : [[1, 0], [lean, upright]];
  // The two directions of the screen: the one in the acquired slice as it is, the other square to it.
  const [e1, e2] = h === 0 ? [unit(plus(right, times(down, -lean))), down] : [right, unit(plus(down, times(right, -lean)))];
  const ends = [times(e1, -1), e1, times(e2, -1), e2].map(volume.placed ? letters : () => "");
  return { name, h, v, across, flip, u, w, ends, acquired: across === 0 };
}

/** The windows that fit a channel, by name, as [low, high] in its own values; `first` is what it opens with. */
function windowsOf(header, channel) {
  const own = header.window && header.window[1] > 0 ? header.window : null;
  const ends = ([centre, width]) => [centre - width / 2, centre + width / 2];
  const range = header.range?.[channel] ?? [0, 1];
  const found = {};
  if (header.units === "HU") for (const [name, window] of Object.entries(CT_WINDOWS)) found[name] = ends(window);
  else found.percentile = range[1] > range[0] ? range : [range[0] - 1, range[0] + 1];
  if (own) found.own = ends(own);
  const first = header.units !== "HU" ? "percentile" : own ? "own" : "mediastinum";
  return { found, first };
}

/** The volume of a blob. */
function readVolume({ header, arrays }) {
  const [channels, ...size] = arrays.voxels.shape;
  const column = (axis) => [0, 1, 2].map((i) => header.affine[i][axis]);
  const steps = [column(0), column(1), column(2)];
  const normal = unit(cross(steps[1], steps[2]));
  const spacing = steps.map((s) => Math.hypot(...s));
  const lean = Math.abs(dot(unit(steps[0]), normal)) || 1;
  const places = slicePlaces(header, size[0], steps[0], lean);
  const stack = distances(places);
  const volume = {
    header, size, channels, spacing, places, stack, lean, origin: column(3), directions: steps.map(unit),
    voxels: arrays.voxels.data, strides: [size[1] * size[2], size[2], 1],
    scale: header.scale ?? 1, offset: header.offset ?? 0, real: header.spacing_real !== false, placed: header.placed !== false,
    layers: layersOf(places, stack, spacing[0]),
  };
  const padding = header.padding == null ? NaN : Math.round((header.padding - volume.offset) / volume.scale);
  volume.padding = padding >= -32768 && padding <= 32767 ? padding : null;
  volume.tilt = lean < UPRIGHT ? (Math.acos(lean) * 180) / Math.PI : 0;
  const last = size[0] - 1;
  const [first, end] = last ? [stack.steps[0] / 2, stack.steps[last - 1] / 2] : [spacing[0] / 2, spacing[0] / 2];
  volume.edges = [[-first, places[last] + end], ...[1, 2].map((a) => [-spacing[a] / 2, (size[a] - 0.5) * spacing[a]])];
  volume.planes = Object.fromEntries(PLANES.map((name) => [name, planeOf(volume, name)]));
  volume.windows = Array.from({ length: channels }, (_x, i) => windowsOf(header, i));
  return volume;
}

/** mm from the middle of the first voxel along an axis of the array, for a (broken) index; and back. */
function along(volume, axis, index) {
  if (axis || volume.size[0] === 1) return index * volume.spacing[axis];
  const i = clamp(Math.floor(index), 0, volume.size[0] - 2);
  return volume.places[i] + (index - i) * volume.stack.steps[i];
}

function indexAt(volume, axis, mm) {
  if (axis || volume.size[0] === 1) return mm / volume.spacing[axis];
  let i = 0;
  while (i < volume.size[0] - 2 && mm > volume.places[i + 1]) i++;
  return i + (mm - volume.places[i]) / volume.stack.steps[i];
}

/** mm in the patient of a (broken) index [slice, row, column]. */
function patientAt(volume, at) {
  return at.reduce((sum, index, axis) => plus(sum, times(volume.directions[axis], along(volume, axis, index))), volume.origin);
}

/** Value in the volume's units at whole indices; null outside. */
function valueAt(volume, channel, at) {
  const whole = at.map(Math.round);
  if (whole.some((v, axis) => v < 0 || v >= volume.size[axis])) return null;
  const offset = whole.reduce((sum, v, axis) => sum + v * volume.strides[axis], channel * volume.size[0] * volume.strides[0]);
  return volume.voxels[offset] * volume.scale + volume.offset;
}

/** mm on the screen, from the middle of the plane, of a (broken) index [along h, along v]; and back. */
function screenMm(volume, plane, [i, j]) {
  const middle = (axis) => (volume.edges[axis][0] + volume.edges[axis][1]) / 2;
  const a = (along(volume, plane.h, i) - middle(plane.h)) * (plane.flip[0] ? -1 : 1);
  const b = (along(volume, plane.v, j) - middle(plane.v)) * (plane.flip[1] ? -1 : 1);
  return [a * plane.u[0] + b * plane.w[0], a * plane.u[1] + b * plane.w[1]];
}

function planeIndex(volume, plane, [x, y]) {
  const { u, w, h, v, flip } = plane;
  const middle = (axis) => (volume.edges[axis][0] + volume.edges[axis][1]) / 2;
  const area = u[0] * w[1] - w[0] * u[1];
  const [a, b] = [(x * w[1] - y * w[0]) / area, (y * u[0] - x * u[1]) / area];
  return [indexAt(volume, h, a * (flip[0] ? -1 : 1) + middle(h)), indexAt(volume, v, b * (flip[1] ? -1 : 1) + middle(v))];
}
