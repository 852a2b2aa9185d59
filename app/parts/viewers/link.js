// Viewers of one link show the same: where one goes, the others go.

const LINKED = "medcore-linked"; // a window event: {name, from, view}, or {name, from, together}

/**
 * One viewer's end of a link. view(): what it shares, null while it shows nothing; adopt(view): takes it over; turned(together): the link was
 * switched on or off.
 */
function linkEnd(root, { view, adopt, turned }) {
  let [name, together] = [null, true];
  const send = (detail) => name && window.dispatchEvent(new CustomEvent(LINKED, { detail: { name, from: root, ...detail } }));
  const share = (seen) => seen && send({ view: seen });
  const hear = ({ detail }) => {
    if (detail.name !== name || detail.from === root || !root.isConnected) return;
    if ("together" in detail) turned((together = detail.together));
    else if (together) adopt(detail.view);
  };
  window.addEventListener(LINKED, hear);
  return {
    join: (to) => (name = to || null),
    together: () => together,
    tell: () => together && share(view()),
    turn: (on) => {
      turned((together = on));
      send({ together });
      if (on) share(view());
    },
    leave: () => window.removeEventListener(LINKED, hear),
  };
}
