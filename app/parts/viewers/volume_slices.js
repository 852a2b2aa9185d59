// Slices of a volume, of its masks and of its map, as small pictures that a plane scales and places.

const HALF = 32768; // int16 to an index of the table of greys

/** A picture that is painted again only when its name changes. */
function createLayer() {
  return { canvas: document.createElement("canvas"), name: "", image: null };
}

/** The layer's pixels as 32-bit colours (alpha, blue, green, red) where it has to be painted anew, else null. */
function repaint(layer, name, width, height) {
  if (layer.name === name) return null;
  layer.name = name;
  if (layer.image?.width !== width || layer.image?.height !== height) {
    [layer.canvas.width, layer.canvas.height] = [width, height];
    layer.image = layer.canvas.getContext("2d").createImageData(width, height);
    layer.pixels = new Uint32Array(layer.image.data.buffer);
  }
  return layer.pixels;
}

const finish = (layer) => layer.canvas.getContext("2d").putImageData(layer.image, 0, 0);

/**
 * Where along one axis of an array each column (or row) of a picture is read: offsets, and for reformatted stacks how
 * far towards the next slice. size, strides: of the array, which may be coarser than the volume.
 */
function reads(volume, axis, flip, size, strides) {
  const stacked = axis === 0;
  const count = stacked ? volume.layers.at.length : size[axis];
  const [at, part] = [new Int32Array(count), new Float32Array(count)];
  for (let i = 0; i < count; i++) {
    const from = flip ? count - 1 - i : i;
    if (stacked) part[i] = volume.layers.part[from];
    const index = stacked ? Math.floor(((volume.layers.at[from] + 0.5) * size[0]) / volume.size[0]) : from;
    at[i] = index * strides[axis];
  }
  return { at, part, count };
}

/** How an array on the volume's grid (or a coarser one) is read in one plane. */
function readsOf(volume, plane, size) {
  const strides = [size[1] * size[2], size[2], 1];
  const start = (index) => Math.floor(((index + 0.5) * size[plane.across]) / volume.size[plane.across]) * strides[plane.across];
  const across = reads(volume, plane.h, plane.flip[0], size, strides);
  const down = reads(volume, plane.v, plane.flip[1], size, strides);
  // A map may be coarser than the volume: then its next slice isn't that of the volume.
  return { across, down, start, slice: size[0] === volume.size[0] ? strides[0] : 0, whole: strides[0] * size[0] };
}

/** Grey of each stored value, as a 32-bit colour, for a window in the volume's units. */
function greys(volume, low, high, invert) {
  const table = new Uint32Array(2 * HALF);
  const scale = 255 / Math.max(1e-9, high - low);
  for (let stored = -HALF; stored < HALF; stored++) {
    const grey = clamp(Math.round((stored * volume.scale + volume.offset - low) * scale), 0, 255);
    const shown = invert ? 255 - grey : grey;
    table[stored + HALF] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
  }
  if (volume.padding !== null) table[volume.padding + HALF] = 0xff000000; // not scanned: black, inverted too
  return table;
}

/** A slice in greys. */
function paintGrey(layer, name, volume, how, channel, index, table) {
  const { across, down, slice, whole } = how;
  const out = repaint(layer, name, across.count, down.count);
  if (!out) return;
  const [voxels, base] = [volume.voxels, channel * whole + how.start(index)];
  for (let j = 0, to = 0; j < down.count; j++) {
    const [row, towards] = [base + down.at[j], down.part[j]];
    for (let i = 0; i < across.count; i++, to++) {
      const at = row + across.at[i];
      const part = towards || across.part[i];
      const value = part === 0 ? voxels[at] : Math.round(voxels[at] + part * (voxels[at + slice] - voxels[at]));
      out[to] = table[value + HALF];
    }
  }
  finish(layer);
}

const colour32 = ([r, g, b], alpha) => ((Math.round(alpha * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;
/** Colour of a map's bytes: transparent below 22 % of the peak, and where the score is lowered. */
const [HEATS, GREYS] = [HEAT_ON_DARK, HEAT_GREY].map((palette) =>
  Uint32Array.from({ length: 256 }, (_x, v) => {
    const t = v > 127 ? 0 : v / 127;
    return colour32(heat(palette, t), clamp((t - HEAT_FROM) / (HEAT_FULL - HEAT_FROM), 0, 1));
  }),
);

/** Colour of a mask's bytes, one bit a label: that of the last label that is shown. */
function maskColours(shown) {
  const wanted = shown.reduce((bits, label) => bits | (1 << label), 0);
  return Uint32Array.from({ length: 256 }, (_x, bits) => {
    const label = 31 - Math.clz32(bits & wanted);
    return label < 0 ? 0 : colour32(rgb(MASK_COLOURS[label % 4]), 1);
  });
}

/** A slice of bytes in a table's colours, from the nearest slice. */
function paintOver(layer, name, bytes, { across, down, start, slice }, index, colours) {
  const out = repaint(layer, name, across.count, down.count);
  if (!out) return;
  const base = start(index);
  for (let j = 0, to = 0; j < down.count; j++)
    for (let i = 0; i < across.count; i++, to++) {
      const part = down.part[j] || across.part[i];
      out[to] = colours[bytes[base + down.at[j] + across.at[i] + (part > 0.5 ? slice : 0)] & 255];
    }
  finish(layer);
}

/** Masks of one grid: all labels as bits of one byte a voxel, the box that holds each; null where there are no labels. */
function readMasks(blobs) {
  const named = blobs.flatMap(({ header }) => header.labels).slice(0, 8);
  if (!named.length) return null;
  const size = (blobs[0].arrays.bits?.shape ?? blobs[0].arrays.mask.shape).slice(-3);
  const bits = new Uint8Array(size[0] * size[1] * size[2]);
  let first = 0; // bit of a blob's first label
  for (const { header, arrays } of blobs) {
    const given = (arrays.bits ?? arrays.mask).data;
    // A blob has its labels as bits, or one after the other.
    if (arrays.bits) for (let i = 0; i < bits.length; i++) bits[i] |= given[i] << first;
    else for (let i = 0; i < given.length; i++) if (given[i]) bits[i % bits.length] |= 1 << (first + Math.floor(i / bits.length));
    first += header.labels.length;
  }
  const labels = named.map((label, i) => ({ ...label, bit: 1 << i, box: boxOf(bits, 1 << i, size) }));
  return { labels, bits, size, leading: blobs.flatMap(({ header }) => header.leading ?? []).map((name) => name.toLowerCase()) };
}

/** The middle, as an index, of what is marked in the slice across `axis` that has most of it; null where nothing is. */
function middleOf({ bits, size }, axis) {
  const sums = Array.from({ length: size[axis] }, () => [0, 0, 0, 0]);
  for (let s = 0, at = 0; s < size[0]; s++)
    for (let r = 0; r < size[1]; r++)
      for (let c = 0; c < size[2]; c++, at++)
        if (bits[at]) {
          const sum = sums[axis === 0 ? s : axis === 1 ? r : c];
          sum[0] += 1, sum[1] += s, sum[2] += r, sum[3] += c;
        }
  const [count, ...middle] = sums.reduce((most, sum) => (sum[0] > most[0] ? sum : most));
  return count ? middle.map((v) => Math.round(v / count)) : null;
}

/** [first, last] index along each axis of where a bit is set; null where it is nowhere. */
function boxOf(bits, bit, [slices, rows, columns]) {
  const box = [[slices, -1], [rows, -1], [columns, -1]];
  const widen = (axis, index) => (box[axis] = [Math.min(box[axis][0], index), Math.max(box[axis][1], index)]);
  for (let s = 0, at = 0; s < slices; s++)
    for (let r = 0; r < rows; r++) {
      let [first, last] = [-1, -1];
      for (let c = 0; c < columns; c++, at++)
        if (bits[at] & bit) {
          if (first < 0) first = c;
          last = c;
        }
      if (last >= 0) (widen(0, s), widen(1, r), widen(2, first), widen(2, last));
    }
  return box[0][1] < 0 ? null : box;
}

/** Outline of a label in one slice, as lines of [along h, along v] in indices of the volume. */
function outline({ bits, size }, label, plane, index) {
  if (!label.box || index < label.box[plane.across][0] || index > label.box[plane.across][1]) return [];
  const strides = [size[1] * size[2], size[2], 1];
  const [[left, right], [top, bottom]] = [label.box[plane.h], label.box[plane.v]];
  const [columns, rows] = [right - left + 1, bottom - top + 1];
  const values = new Uint8Array(columns * rows);
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++)
      values[j * columns + i] = bits[index * strides[plane.across] + (top + j) * strides[plane.v] + (left + i) * strides[plane.h]] & label.bit ? 1 : 0;
  return contour({ values, rows, columns }, 0.5).map((line) => line.map(([x, y]) => [left + x, top + y]));
}
