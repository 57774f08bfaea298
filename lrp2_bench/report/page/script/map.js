// Where every language's best pair lies: a dot a language, side by side where they share a cell.

function drawMap() {
  const classes = classesNow();
  const runs = searchedRuns().filter((run) => isShown(run, classes));
  const blocks = state.group.blocks;
  const spots = placeDots(runs);
  const room = find("map").clientWidth / blocks;
  const dots = classes.map((name) => {
    const mine = spots.filter((spot) => classOf(spot.run, classes) === name);
    return {
      type: "scatter", name: plotText(name), x: mine.map((spot) => spot.x), y: mine.map((spot) => spot.y),
      customdata: mine.map((spot) => state.group.runs.indexOf(spot.run)), hoverinfo: "none", cliponaxis: false,
      mode: "markers", marker: {
        opacity: 1, color: classColour(name, classes), size: mine.map((spot) => dotSize(room, spot.across)),
        line: { color: colour("paper"), width: 1 },
      },
    };
  });
  const layout = { ...baseLayout({ l: 44, r: 6, t: 6, b: 42 }), ...pairAxes(blocks),
    annotations: spots.filter((spot) => isLabelled(spot, room)).map(label) };
  draw("map", [flat(pairGrid(blocks, () => 1), "wash", 2), ...dots, here(spots, room)], layout,
    { hover: hoverDot, unhover: hideTip, click: clickDot });
  drawFrequent(runs);
}

function placeDots(runs) {
  const cells = new Map();
  for (const run of runs) {
    const key = pairName(run, bestOf(run, state.metric));
    cells.set(key, [...(cells.get(key) || []), run]);
  }
  return [...cells.values()].flatMap((members) => {
    const across = Math.ceil(Math.sqrt(members.length));
    return members.map((run, index) => {
      const [i, j] = run.pairs[bestOf(run, state.metric)];
      const rows = Math.ceil(members.length / across);
      const at = (place, of) => ((place + 0.5) / of - 0.5) * 0.88;
      return { run, across, x: j + at(index % across, across), y: i - at(Math.floor(index / across), rows) };
    });
  });
}

function dotSize(room, across) {
  return Math.max(5, Math.min(11, (0.62 * room) / across));
}

function isLabelled(spot, room) {
  return room / spot.across > 24 || spot.run === state.run;
}

function label(spot) {
  return { x: spot.x, y: spot.y, text: plotText(spot.run.code.slice(0, 8)), showarrow: false, yshift: -13,
    font: { size: 11, color: colour(spot.run === state.run ? "ink" : "soft") } };
}

function here(spots, room) {
  const mine = spots.filter((spot) => spot.run === state.run);
  return { type: "scatter", name: "here", mode: "markers", x: mine.map((spot) => spot.x), y: mine.map((spot) => spot.y),
    hoverinfo: "skip", cliponaxis: false, marker: { symbol: "circle-open", color: colour("ink"),
      size: mine.map((spot) => dotSize(room, spot.across) + 7), line: { width: 2 } } };
}

function runAt(event) {
  const place = event.points[0].customdata;
  return place === undefined ? null : state.group.runs[place];
}

function hoverDot(event) {
  const run = runAt(event);
  if (!run) return;
  const place = bestOf(run, state.metric);
  const { value, change } = measured(run, state.metric, place);
  showTip(event.event, [run.name, `Best pair ${pairName(run, place)}`,
    `${capital(state.metric)} ${percent(value)} (${signed(change)})`]);
}

function clickDot(event) {
  const run = runAt(event);
  if (run) chooseRun(run);
}

function drawFrequent(runs) {
  const cells = new Map();
  for (const run of runs) {
    const key = pairName(run, bestOf(run, state.metric));
    cells.set(key, [...(cells.get(key) || []), run.name]);
  }
  const ordered = [...cells.entries()].sort((a, b) => b[1].length - a[1].length).slice(0, 6);
  fill(find("frequent"), ...ordered.map(([pair, names]) => make("li", "", make("b", "", pair), " ",
    `${count(names.length, "language")} `, isolated("span", names.length > 6
      ? `${names.slice(0, 6).join(", ")}, …` : names.join(", ")))));
  find("map-text").textContent = ordered.map(([pair, names]) => `${pair}: ${names.join(", ")}`).join("; ");
}
