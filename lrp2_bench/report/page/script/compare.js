// Two searches of one language beside each other: both heatmaps on one scale, both gains, and the paired difference.

function optionName(group) {
  const differing = DIMENSIONS.filter((name) => name === "model" || name === "intervention" || choicesOf(name, data.groups).length > 1);
  return differing.map((name) => (name === "strength" ? `strength ${strengthWord(name, group[name])}` : group[name])).join(", ");
}

function runIn(group, code) {
  return group.runs.find((run) => run.code === code && run.pairs.length) || null;
}

// The groups that searched the language, on the chosen one's dataset.
function comparable() {
  return data.groups.filter((group) => group.dataset === state.group.dataset && runIn(group, state.run.code));
}

function groupKey(group) {
  return String(data.groups.indexOf(group));
}

function startCompare() {
  find("compare-a").addEventListener("change", (event) => {
    const code = state.run.code;
    setGroup(data.groups[Number(event.target.value)]);
    setRun(runIn(state.group, code) || state.run);
    drawAll();
  });
  find("compare-b").addEventListener("change", (event) => { state.against = event.target.value; drawAll(); });
  find("swap").addEventListener("click", () => {
    const [code, before] = [state.run.code, groupKey(state.group)];
    setGroup(data.groups[Number(state.against)]);
    setRun(runIn(state.group, code) || state.run);
    state.against = before;
    drawAll();
  });
}

function drawCompare() {
  const found = comparable();
  const enough = found.length > 1 && found.includes(state.group);
  find("compare-none").hidden = enough;
  find("compare-body").hidden = !enough;
  document.title = `${state.run.name}: comparison`;
  const named = found.map((group) => [groupKey(group), optionName(group)]);
  options("compare-a", named, groupKey(state.group));
  if (!enough) return;
  const chosen = found.find((group) => groupKey(group) === state.against && group !== state.group)
    || found.find((group) => group !== state.group);
  state.against = groupKey(chosen);
  options("compare-b", named.filter(([key]) => key !== groupKey(state.group)), state.against);
  const sides = [[state.group, "a"], [chosen, "b"]].map(([group, side]) => ({ group, side, run: runIn(group, state.run.code) }));
  const limit = limitOf(sides.map((one) => one.run), state.metric);
  fill(find("compare-title"), ...difference(sides));
  find("compare-caption").textContent = differenceNote(sides);
  fill(find("compare-table"), ...comparedRows(sides));
  for (const { group, side, run } of sides) {
    fill(find(`compare-title-${side}`), `${side.toUpperCase()}: `, isolated("bdi", optionName(group)));
    draw(`heatmap-${side}`, pairTraces(`heatmap-${side}`, run, group, state.metric, limit), pairLayout(group, []),
      { hover: (event) => hoverSide(event, side), unhover: hideTip });
  }
  drawRamp("compare-ramp", limit);
}

function hoverSide(event, side) {
  const group = side === "a" ? state.group : data.groups[Number(state.against)];
  tellPair(event, runIn(group, state.run.code));
}

// The report's paired difference, B less A; null where it has none, as for runs without a common fact.
function comparedRuns([a, b]) {
  const key = (group) => DIMENSIONS.map((name) => group[name]).join("\n");
  const of = data.comparisons.filter((one) => one.language === state.run.code && one.metric === state.metric);
  const found = of.find((one) => key(one.first) === key(a.group) && key(one.second) === key(b.group));
  if (found) return found;
  const turned = of.find((one) => key(one.first) === key(b.group) && key(one.second) === key(a.group));
  const flip = (numbers) => numbers && [numbers[0], numbers[2], numbers[1]].map((one) => (one === null ? null : -one));
  return turned ? { ...turned, held_out: flip(turned.held_out), at_best: flip(turned.at_best), baseline: flip(turned.baseline) } : null;
}

function difference(sides) {
  const found = comparedRuns(sides);
  const [name, numbers] = found && found.held_out && found.held_out[0] !== null ? ["Held-out gains", found.held_out]
    : ["In-sample, at the best pairs", found ? found.at_best : null];
  const about = [isolated("bdi", state.run.name), `, ${state.metric}: `];
  if (!numbers || numbers[0] === null) return [...about, "no paired difference."];
  const interval = numbers[1] === null ? null : numbers.slice(1);
  return [...about, `${name}, B less A: `, make("strong", direction(interval), signed(numbers[0])), " points",
    interval ? `, 95 % interval ${bounds(interval)}` : ""];
}

function differenceNote(sides) {
  const found = comparedRuns(sides);
  if (!found) return "The report has no comparison of these two: they share no fact, or their hits cannot be read. Each stands by itself below.";
  return `Paired by fact, over ${count(found.facts, "fact")} that both evaluated; intervals by clusters of facts.`;
}

function comparedRows(sides) {
  const found = comparedRuns(sides);
  const cells = (title, ...texts) => {
    const name = make("th", "left", title);
    name.scope = "row";
    return make("tr", "", name, ...texts.map((text) => (text instanceof Node ? text : make("td", "", text))));
  };
  const head = make("tr", "", ...["", "A", "B", "B less A, paired"].map((text) => {
    const cell = make(text ? "th" : "td", text ? "" : "left", text);
    if (text) cell.scope = "col";
    return cell;
  }));
  const delta = (numbers) => make("td", numbers && numbers[1] !== null ? direction(numbers.slice(1)) : "",
    numbers && numbers[0] !== null ? `${signed(numbers[0])}${numbers[1] === null ? "" : ` (${bounds(numbers.slice(1))})`}` : NOTHING);
  const each = (show) => sides.map(({ run }) => show(run));
  const { metric } = state;
  const gain = (run) => {
    const interval = testedBounds(run, metric, "held_out");
    return `${signed(tested(run, metric).held_out)}${interval ? ` (${bounds(interval)})` : ""}`;
  };
  const best = (run) => measured(run, metric, bestOf(run, metric));
  return [make("thead", "", head), make("tbody", "",
    cells(`Held-out gain of ${metric}`, ...each(gain), delta(found && found.held_out)),
    cells("Baseline", ...each((run) => percent(run.metrics[metric].baseline)), delta(found && found.baseline)),
    cells("At the best pair, in-sample", ...each((run) => `${percent(best(run).value)} (${signed(best(run).change)})`),
      delta(found && found.at_best)),
    cells("Best pair", ...each((run) => (bestOf(run, metric) === null ? NOTHING : pairName(run, bestOf(run, metric)))), ""),
    cells("95 % confidence set", ...each((run) => `${tiedWith(run, metric).length} of ${run.pairs.length}`), ""),
    cells("Facts", ...each((run) => run.facts.toLocaleString("en")), found ? `${found.facts.toLocaleString("en")} in both` : ""))];
}
