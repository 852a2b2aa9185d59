// Sliders over a record: each movement asks the server; while it answers, only the newest movement waits.

function createSliders(root) {
  const [told, reset, rows] = [".told", ".reset", ".rows"].map((name) => root.querySelector(name));
  let [data, values, asking, waits] = [null, {}, false, false];
  const took = [];

  const decimals = (step) => (String(step).split(".")[1] ?? "").length;
  const text = (row, value) => Number(value).toFixed(decimals(row.step)).replace("-", "\u2212");
  const recorded = (row) => (row.value === null || row.choices.length ? row.value : Number(Number(row.value).toFixed(decimals(row.step))));

  // the answer

  function paint(found) {
    const part = (name, left, width) => {
      const bar = h("i", { class: name });
      bar.style.left = `${100 * left}%`;
      if (width !== undefined) bar.style.width = `${100 * width}%`;
      return bar;
    };
    const lines = [h("span", { class: "score" }, found.shown), h("span", { class: "said" }, found.said), h("span", { class: "soft" }, found.range)];
    if (found.p !== undefined) {
      const scale = h("div", { class: "scale wide", role: "img", "aria-label": found.words });
      scale.append(part("band", found.low, found.high - found.low), part("was", data.told.p), part("dot", clamp(found.p, 0.01, 0.99)));
      if (found.cut !== null) scale.append(part("cut", found.cut));
      lines.push(scale);
    }
    told.replaceChildren(...lines, h("span", { class: "soft wide" }, found.change));
    root.viewState = { ready: true, told: found, values: { ...values }, took: [...took] };
  }

  /** One question at a time. What is moved meanwhile is asked next, as it then is. */
  async function ask() {
    if (asking) return void (waits = true);
    asking = true;
    const [mine, start] = [data, performance.now()];
    try {
      const reply = await fetch(mine.url, {
        method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" }, body: JSON.stringify({ values }),
      });
      if (!reply.ok) throw new Error(`${reply.status}`);
      const found = await reply.json();
      took.push(performance.now() - start);
      if (data.key === mine.key) paint(found);
    } catch {
      if (data.key === mine.key) told.replaceChildren(h("span", { class: "soft wide", role: "alert" }, mine.words.failed));
    }
    asking = false;
    if (waits) (waits = false), ask();
  }

  // the values

  function move(row, value) {
    if (value === recorded(row)) delete values[row.name];
    else values[row.name] = value;
    sync();
    ask();
  }

  function sync() {
    reset.disabled = !Object.keys(values).length;
    for (const node of rows.children) node.show();
  }

  function line(row) {
    const id = `value-${row.name}`;
    const output = h("output", { for: id });
    const one = h("button", { type: "button", class: "one", "aria-label": fill(data.words.reset_one, row), onclick: () => move(row, recorded(row)) }, "\u21BA");
    const control = row.choices.length ? select(row, id) : range(row, id);
    const label = h("label", { for: id }, row.title);
    const node = h("div", { class: "row" }, label, output, one, control, h("span", { class: "about" }, row.usual));
    node.show = () => {
      const now = row.name in values ? values[row.name] : recorded(row);
      const absent = now === null;
      node.classList.toggle("absent", absent);
      node.classList.toggle("moved", row.name in values);
      one.hidden = !(row.name in values);
      const said = absent ? data.words.absent : row.choices.length ? "" : text(row, now);
      output.replaceChildren(said, ...(absent || !row.unit || row.choices.length ? [] : [h("span", { class: "soft" }, ` ${row.unit}`)]));
      const field = node.querySelector("input,select");
      field.value = absent ? (row.choices.length ? "" : row.start) : now;
      if (!row.choices.length) field.setAttribute("aria-valuetext", output.textContent);
    };
    return node;
  }

  const range = (row, id) =>
    h("span", { class: "track" }, h("input", {
      id, type: "range", min: row.low, max: row.high, step: row.step, oninput: (e) => move(row, Number(e.target.value)),
    }));

  function select(row, id) {
    const options = [...(row.value === null ? [["", data.words.absent]] : []), ...row.choices];
    return h("select", { id, onchange: (e) => move(row, e.target.value || null) }, ...options.map(([value, said]) => h("option", { value }, said)));
  }

  function show(given) {
    if (data?.key !== given.key) values = {};
    data = given;
    reset.textContent = given.words.reset;
    reset.onclick = () => ((values = {}), sync(), ask());
    rows.setAttribute("role", "group");
    rows.setAttribute("aria-label", given.words.values);
    rows.replaceChildren(...given.rows.map(line));
    sync();
    if (Object.keys(values).length) ask();
    else paint(given.told);
  }

  return { show };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  root.viewer ??= createSliders(root);
  if (root.shown !== JSON.stringify(data)) root.viewer.show(data);
  root.shown = JSON.stringify(data);
}
