// Pointers on a canvas as drags, pinches, hovers and wheel turns, all in CSS pixels from its upper left corner.

const NOTCH = 50; // a wheel turns by at least so much at once; a touch pad in many smaller steps
const PAD_STEP = 30;

/**
 * acts.down(spot, event) gives what a drag holds, passed on to acts.drag(held, spot, dx, dy) and acts.up(held, spot);
 * acts.pinch(factor, spot, dx, dy) for two fingers; acts.hover(spot | null); acts.wheel(turn, steps, spot, event)
 */
function onPointers(canvas, acts) {
  const pointers = new Map();
  let pad = 0;
  const spotOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.onpointerdown = (event) => {
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const spot = spotOf(event);
    pointers.set(event.pointerId, { spot, held: pointers.size ? null : acts.down(spot, event) });
    if (pointers.size === 2) pointers.forEach((pointer) => (pointer.held = null));
  };
  canvas.onpointermove = (event) => {
    const [pointer, spot] = [pointers.get(event.pointerId), spotOf(event)];
    if (!pointer) return acts.hover(spot);
    const [dx, dy] = [spot[0] - pointer.spot[0], spot[1] - pointer.spot[1]];
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((p) => p !== pointer).spot;
      const far = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]);
      acts.pinch(far(spot) / Math.max(1, far(pointer.spot)), other, dx / 2, dy / 2);
    } else if (pointer.held) acts.drag(pointer.held, spot, dx, dy);
    pointer.spot = spot;
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    const pointer = pointers.get(event.pointerId);
    if (pointers.delete(event.pointerId)) acts.up(pointer.held, spotOf(event));
  };
  canvas.onpointerleave = () => acts.hover(null);
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const turn = event.deltaY * (event.deltaMode ? 40 : 1);
    pad = Math.abs(turn) >= NOTCH ? 0 : pad + turn;
    const steps = Math.abs(turn) >= NOTCH ? Math.sign(turn) : Math.trunc(pad / PAD_STEP);
    pad -= Math.abs(turn) >= NOTCH ? 0 : steps * PAD_STEP;
    acts.wheel(turn, steps, spotOf(event), event);
  }, { passive: false });
  return { busy: () => pointers.size > 0 };
}

/** A window [low, high] after a drag: to the right wider, downwards a higher centre. unit: values of one pixel. */
function levelled([low, high], dx, dy, unit, least) {
  const width = Math.max(least, high - low + dx * unit);
  const centre = (low + high) / 2 + dy * unit;
  return [centre - width / 2, centre + width / 2];
}
