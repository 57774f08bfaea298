// Every pair of layers of the chosen language; the marked pair moves with the mouse's click and the arrow keys.

function drawHeatmap() {
  const { run, metric, group } = state;
  const place = bestOf(run, metric);
  find("pairs").hidden = place === null;
  if (place === null) return;
  fill(find("heatmap-title"), isolated("bdi", run.name), `: change of ${metric} by pair`);
  const limit = limitOf([run], metric);
  const traces = pairTraces("heatmap", run, group, metric, limit);
  draw("heatmap", traces, pairLayout(group, [cursor(run)]), { hover: hoverPair, unhover: hideTip, click: clickPair });
  drawKey(run, metric, limit, traces[1]);
}

function pairLayout(group, shapes) {
  return { ...baseLayout({ l: 44, r: 6, t: 6, b: 42 }), ...pairAxes(group.blocks), shapes };
}

// The run's changes in the figure ``id``, colours ending at ``limit``: cells, those not evaluated, numbers, marks.
function pairTraces(id, run, group, metric, limit, chosenBy = metric) {
  const places = new Map(run.pairs.map((pair, index) => [pair.join("/"), index]));
  const changeAt = (i, j) => {
    const index = places.get(`${i}/${j}`);
    return index === undefined ? null : measured(run, metric, index).change;
  };
  const room = (find(id).clientWidth - 50) / (group.blocks - 1);
  const open = pairGrid(group.blocks, (i, j) => (changeAt(i, j) === null ? 1 : null));
  const form = numberForm(run, metric, room);
  return [
    changes(pairGrid(group.blocks, changeAt), limit, room), flat(open, "line", 1),
    numbers(run, metric, limit, form, bestOf(run, chosenBy)), outline(run, metric), paperMark(run, group, room),
    bestMark(run, bestOf(run, chosenBy), room, form),
  ];
}

function changes(grid, limit, room) {
  return {
    type: "heatmap", name: "changes", ...grid, zmin: -limit, zmax: limit, showscale: false, hoverinfo: "none",
    colorscale: colourScale(), xgap: room > 20 ? 2 : 1, ygap: room > 20 ? 2 : 1, hoverongaps: false,
  };
}

// The change stands in the cells, dark or light as the colour below asks, in the largest form that fits them all.
function numberForm(run, metric, room) {
  const shown = run.pairs.map((_, place) => measured(run, metric, place).change);
  for (const [size, digits] of [[12, 2], [12, 1], [10.5, 1], [9, 1]]) {
    const texts = shown.map((change) => (change === null ? "" : signed(change, digits)));
    if (Math.max(...texts.map((text) => text.length)) * 0.6 * size <= room - 4) return { size, texts };
  }
  return null;
}

function numbers(run, metric, limit, form, best) {
  const places = form ? run.pairs.map((_, place) => place) : [];
  return { type: "scatter", name: "numbers", mode: "text", hoverinfo: "skip", cliponaxis: false,
    x: places.map((place) => run.pairs[place][1]),
    y: places.map((place) => run.pairs[place][0] - (place === best ? 0.18 : 0)), text: form ? form.texts : [],
    textfont: { size: form ? form.size : 12, color: places.map((place) => inkOn(rampColour(measured(run, metric, place).change || 0,
      limit))) } };
}

// A line around the pairs of the 95 % confidence set: each side of a cell that no other such cell shares.
function outline(run, metric) {
  const tied = new Set(tiedWith(run, metric).map((place) => run.pairs[place].join("/")));
  const x = [], y = [];
  const side = (x0, y0, x1, y1) => { x.push(x0, x1, null); y.push(y0, y1, null); };
  for (const place of tiedWith(run, metric)) {
    const [i, j] = run.pairs[place];
    if (!tied.has(`${i}/${j - 1}`)) side(j - 0.5, i - 0.5, j - 0.5, i + 0.5);
    if (!tied.has(`${i}/${j + 1}`)) side(j + 0.5, i - 0.5, j + 0.5, i + 0.5);
    if (!tied.has(`${i - 1}/${j}`)) side(j - 0.5, i - 0.5, j + 0.5, i - 0.5);
    if (!tied.has(`${i + 1}/${j}`)) side(j - 0.5, i + 0.5, j + 0.5, i + 0.5);
  }
  return { type: "scatter", name: "95 % set", mode: "lines", x, y, hoverinfo: "skip", cliponaxis: false,
    line: { color: colour("mark"), width: 1.75 } };
}

function mark(name, pairs, symbol, size, shape) {
  return { type: "scatter", name, mode: "markers", x: pairs.map((pair) => pair[1]), y: pairs.map((pair) => pair[0]),
    hoverinfo: "skip", cliponaxis: false, marker: { symbol, size, ...shape } };
}

function bestMark(run, place, room, form) {
  const pair = mark("best", place === null ? [] : [run.pairs[place]], "star", Math.min(Math.max(0.5 * room, 12), 22),
    { color: colour("star"), line: { color: colour("mark"), width: 1.25 } });
  // Above the number that the cell holds.
  return form ? { ...pair, y: pair.y.map((i) => i + 0.24), marker: { ...pair.marker, size: Math.min(0.4 * room, 14) } } : pair;
}

// A ring with a rim, which is seen on the darkest cells too.
function paperMark(run, group, room) {
  const pairs = run.paper && run.paper[1] <= group.blocks ? [run.paper, run.paper] : [];
  const size = Math.min(Math.max(0.86 * room, 11), 44);
  const rings = { color: [colour("star"), colour("mark")], line: { width: [4.5, 2] } };
  return mark("paper", pairs, "circle-open", size, rings);
}

function cursor(run) {
  const [i, j] = run.pairs[state.pair];
  return { type: "rect", x0: j - 0.5, x1: j + 0.5, y0: i - 0.5, y1: i + 0.5,
    line: { color: colour("class-1"), width: 3 } };
}

function drawKey(run, metric, limit, open) {
  drawRamp("ramp", limit);
  find("key-tied").hidden = tiedWith(run, metric).length < 2;
  find("key-paper").hidden = !run.paper || run.paper[1] > state.group.blocks;
  find("key-open").hidden = !open.z.some((row) => row.includes(1));
}

function hoverPair(event) {
  tellPair(event, state.run);
}

function tellPair(event, run) {
  const { metric } = state;
  const point = event.points[0];
  const place = placeOf(run, Math.round(point.y), point.x);
  if (place === null) return;
  const lines = [metric, other(metric)].map((name) => {
    const { value, change, interval } = measured(run, name, place);
    return `${capital(name)} ${points(value)} (${signed(change)}${interval ? `, ${bounds(interval)}` : ""})`;
  });
  if (run.gained) lines.push(`${run.gained[place]} miss→hit, ${run.lost[place]} hit→miss`);
  showTip(event.event, [`LIRP ${point.y}, LSRP ${point.x}${strengthOf(run, place, ", strength ")}`, ...lines]);
}

function clickPair(event) {
  const place = placeOf(state.run, event.points[0].y, event.points[0].x);
  if (place !== null) choosePair(place);
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

function onHeatmapKey(event) {
  if (event.key === "Home") {
    event.preventDefault();
    choosePair(bestOf(state.run, state.metric));
  }
  const step = STEPS[event.key];
  if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const [i, j] = state.run.pairs[state.pair];
  const place = placeOf(state.run, i + step[0], j + step[1]);
  if (place !== null) choosePair(place);
}

function choosePair(place) {
  state.pair = place;
  Plotly.relayout(find("heatmap"), { shapes: [cursor(state.run)] });
  drawReadout();
}
