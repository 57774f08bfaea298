// Models, interventions and languages by held-out gain; the languages of each unfold below their mean.

const opened = new Set();

function boardKey(row) {
  return DIMENSIONS.map((name) => row[name]).join("\n");
}

function groupOfRow(row) {
  return data.groups.find((group) => DIMENSIONS.every((name) => group[name] === row[name]));
}

// The means, each with its languages; a model with one language has that alone.
function boards() {
  const found = new Map();
  for (const row of data.leaderboard[state.metric]) {
    const key = boardKey(row);
    if (!found.has(key)) found.set(key, { key, head: row, rows: [] });
    else found.get(key).rows.push(row);
  }
  return [...found.values()];
}

function drawLeaderboard() {
  const found = boards();
  if (found.length === 1) opened.add(found[0].key);
  const differing = DIMENSIONS.slice(2).filter((name) => choicesOf(name, found.map((board) => board.head)).length > 1);
  const reach = Math.max(0.01, ...found.flatMap(({ head, rows }) => [head, ...rows]).flatMap((row) => row.gain.map((one) =>
    Math.abs(one || 0))));
  const titles = [["left", "Model, intervention"], ["", `held-out gain of ${state.metric}`], ["", "95 % interval"], ["scale", ""],
    ["left", "result"], ["", `gain of ${other(state.metric)}`], ["", "in-sample"], ["", "best pair"], ["", "facts"]];
  const head = make("tr", "", ...titles.map(([className, text]) => {
    const cell = make(text ? "th" : "td", className, text);
    if (text) cell.scope = "col";
    return cell;
  }));
  const rows = found.flatMap((board) => [boardRow(board.head, board, differing, reach),
    ...(opened.has(board.key) ? board.rows.map((row) => boardRow(row, null, differing, reach)) : [])]);
  fill(find("leaderboard"), make("thead", "", head), make("tbody", "", ...rows));
  find("leaderboard-section").hidden = !found.length;
}

function boardRow(row, board, differing, reach) {
  const [gain, low, high] = row.gain;
  const about = [row.name, ...differing.map((one) => (one === "strength" ? `strength ${strengthWord(one, row[one])}` : row[one]))];
  const name = make("th", "left", ...(board ? [board.rows.length ? unfolding(board) : languageLink(row, searchName(row)),
    make("span", "dim about", isolated("bdi", about.join(" · ")))] : [languageLink(row, row.name)]));
  name.scope = "row";
  const interval = low === null ? null : [low, high];
  const cell = (className, ...inner) => make("td", className, ...inner);
  return make("tr", board ? "head" : "member", name, cell(direction(interval, state.metric), make("b", "", signed(gain))),
    cell("dim", bounds(interval)), cell("scale", whisker(row.gain, reach)), cell("left", badge(row)),
    cell(direction(row.other[1] === null ? null : row.other.slice(1), other(state.metric)), signed(row.other[0])),
    cell("dim", signed(row.in_sample[0])), cell("", row.best || NOTHING), cell("dim", row.facts.toLocaleString("en")));
}

function searchName(row) {
  return `${row.model}, ${row.intervention}`;
}

function badge(row) {
  const found = make("span", `badge ${row.outcome}`, row.outcome);
  found.title = [row.why, row.remark].filter(Boolean).join(" ");
  return row.remark ? make("span", "", found, make("span", "dim about", "accuracy falls")) : found;
}

function unfolding({ key, head, rows }) {
  const button = make("button", "unfold", isolated("bdi", searchName(head)));
  button.type = "button";
  button.setAttribute("aria-expanded", String(opened.has(key)));
  button.setAttribute("aria-label", `${searchName(head)}, ${head.name}: show ${rows.length} languages`);
  button.addEventListener("click", () => {
    if (!opened.delete(key)) opened.add(key);
    drawLeaderboard();
    watchScrolls();
    const places = [...find("leaderboard").querySelectorAll(".unfold")];
    places[boards().filter((board) => board.rows.length).findIndex((board) => board.key === key)].focus();
  });
  return button;
}

function languageLink(row, text) {
  const group = groupOfRow(row);
  if (!group) return isolated("bdi", text);
  const button = make("button", "link", isolated("bdi", text));
  button.type = "button";
  button.addEventListener("click", () => showRun(group, row.language));
  return button;
}

// The interval as a line with its value, on one scale for all rows; the numbers stand beside it.
function whisker([value, low, high], reach) {
  const namespace = "http://www.w3.org/2000/svg";
  const shape = (tag, attributes) => {
    const element = document.createElementNS(namespace, tag);
    for (const [name, one] of Object.entries(attributes)) element.setAttribute(name, one);
    return element;
  };
  const at = (points) => 60 + (points / reach) * 56;
  const drawn = shape("svg", { viewBox: "0 0 120 14", "aria-hidden": "true",
    class: `whisker ${direction(low === null ? null : [low, high], state.metric)}` });
  drawn.append(shape("line", { x1: 60, x2: 60, y1: 0, y2: 14, class: "zero" }));
  if (low !== null) drawn.append(shape("line", { x1: at(low), x2: at(high), y1: 7, y2: 7 }));
  if (value !== null) drawn.append(shape("circle", { cx: at(value), cy: 7, r: 3.2 }));
  return drawn;
}

// The chosen language by every model, intervention and strength.
function drawBeside() {
  const { run, group } = state;
  const rows = data.leaderboard[state.metric].filter((row) => row.language === run.code && row.dataset === group.dataset);
  find("beside").hidden = rows.length < 2;
  if (rows.length < 2) return;
  fill(find("beside-title"), isolated("bdi", run.name), ": models and interventions");
  const differing = DIMENSIONS.filter((name) => choicesOf(name, rows).length > 1);
  const titles = ["Model", ...differing.filter((name) => name !== "model").map(capital), "held-out gain", "95 % interval", "result", "best pair"];
  const head = make("tr", "", ...titles.map((text, at) => {
    const cell = make("th", at && text !== "result" && !DIMENSIONS.includes(text.toLowerCase()) ? "" : "left", text);
    cell.scope = "col";
    return cell;
  }));
  fill(find("beside-table"), make("thead", "", head), make("tbody", "", ...rows.map((row) => besideRow(row, differing))));
}

function besideRow(row, differing) {
  const [gain, low, high] = row.gain;
  const interval = low === null ? null : [low, high];
  const group = groupOfRow(row);
  const link = make("button", "link", isolated("bdi", row.model));
  link.type = "button";
  link.addEventListener("click", () => showRun(group, row.language));
  const title = make("th", "left", group ? link : isolated("bdi", row.model));
  title.scope = "row";
  return make("tr", group && group.model === state.group.model && boardKey(row) === boardKey(state.group) ? "current" : "", title,
    ...differing.filter((name) => name !== "model").map((name) => make("td", "left", isolated("bdi", strengthWord(name, row[name])))),
    make("td", direction(interval, state.metric), signed(gain)), make("td", "dim", bounds(interval)), make("td", "left", badge(row)),
    make("td", "", row.best || NOTHING));
}
