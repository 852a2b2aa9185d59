// Drawing, moving and removing measures, with pointer or keys.

const CLOSE = { mouse: 9, pen: 12, touch: 20 }; // pixels from a handle within which it is taken
const LEAST_DRAG = 3; // pixels: less is a click, which draws nothing
const START = { distance: [[-1, 0], [1, 0]], ellipse: [[-1, -1], [1, 1]], polygon: [[-1, -1], [1, -1], [1, 1], [-1, 1]] };
const START_REACH = 40; // pixels from the middle

function createMeasuring(now, paneOf) {
  const open = () => now.state.measures.find((m) => m.open);

  function remove(measure) {
    const { state } = now;
    state.measures = state.measures.filter((m) => m !== measure);
    if (state.chosen === measure) state.chosen = state.measures.findLast((m) => !m.open) ?? null;
  }

  function begin(pane, points, unfinished = false) {
    const { state, volume } = now;
    const slice = state.at[volume.planes[pane.name].across];
    state.chosen = { kind: state.tool, plane: pane.name, slice, points, open: unfinished };
    state.measures.push(state.chosen);
    return state.chosen;
  }

  /** Ends the polygon that is being drawn. */
  function close() {
    const measure = open();
    if (!measure) return;
    measure.open = false;
    if (measure.points.length < 3) remove(measure);
  }

  /** A press: takes a handle, sets a polygon's next corner, or begins a measure. Gives what the drag holds. */
  function down(pane, spot, event) {
    const { state } = now;
    const reach = CLOSE[event.pointerType] ?? CLOSE.mouse;
    const [unfinished, near] = [open(), nearest(now.here(pane.name), pane.toScreen, spot, reach)];
    if (unfinished) return corner(pane, spot, unfinished, near);
    if (near) {
      state.chosen = near.measure;
      return { act: "measure", ...near };
    }
    const at = pane.toIndex(spot);
    const measure = state.tool === "polygon" ? begin(pane, [at], true) : begin(pane, [at, at]);
    return { act: "measure", measure, point: measure.points.length - 1, from: spot };
  }

  function corner(pane, spot, measure, near) {
    const elsewhere = measure.plane !== pane.name || measure.slice !== now.state.at[now.volume.planes[pane.name].across];
    if (elsewhere || (near?.measure === measure && near.point === 0)) close();
    else if (near?.measure !== measure) measure.points.push(pane.toIndex(spot));
    return measure.open ? { act: "measure", measure, point: measure.points.length - 1 } : null;
  }

  function drag(pane, held, spot) {
    held.measure.points[held.point] = pane.toIndex(spot);
  }

  function up(held, spot) {
    if (!held?.from || held.act !== "measure" || held.measure.kind === "polygon") return;
    if (Math.hypot(spot[0] - held.from[0], spot[1] - held.from[1]) < LEAST_DRAG) remove(held.measure);
  }

  /** A measure in the middle of what is seen, for those who don't draw with a pointer; or the end of a polygon. */
  function place(pane) {
    if (open()) return close();
    const { width, height } = pane.size();
    const spots = START[now.state.tool] ?? [];
    const points = spots.map(([x, y]) => pane.toIndex([width / 2 + START_REACH * x, height / 2 + START_REACH * y]));
    if (points.length) begin(pane, points);
  }

  /** Moves the last point, or the first one, by pixels. */
  function nudge(dx, dy, first) {
    const { chosen } = now.state;
    const [pane, i] = [paneOf(chosen.plane), first ? 0 : chosen.points.length - 1];
    const [x, y] = pane.toScreen(chosen.points[i]);
    chosen.points[i] = pane.toIndex([x + dx, y + dy]);
  }

  return { open, remove, close, down, drag, up, place, nudge };
}
