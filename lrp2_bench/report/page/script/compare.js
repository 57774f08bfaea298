// Two searches of one language beside each other: both heatmaps on one scale, both gains, and the paired difference.

function optionName(group) {
  const names = DIMENSIONS.filter((name) => name === "model" || name === "intervention" || choicesOf(name, data.groups).length > 1);
  return names.map((name) => (name === "strength" ? `strength ${strengthWord(name, group[name])}` : group[name])).join(", ");
}

function runIn(group, code) {
  return group.runs.find((run) => run.code === code && run.pairs.length) || null;
}

// The groups that searched the language, on the chosen one's dataset.
function comparable() {
  return data.groups.filter((group) => group.dataset === state.group.dataset && runIn(group, state.run.code));
}

// In what a group is another than the chosen one.
function differing(group) {
  return DIMENSIONS.filter((name) => group[name] !== state.group[name]);
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
    || found.filter((group) => group !== state.group).sort((a, b) => differing(a).length - differing(b).length)[0];
  state.against = groupKey(chosen);
  options("compare-b", named.filter(([key]) => key !== groupKey(state.group)), state.against);
  const sides = [[state.group, "a"], [chosen, "b"]].map(([group, side]) => ({ group, side, run: runIn(group, state.run.code) }));
  const limit = limitOf(sides.map((one) => one.run), state.metric);
  fill(find("compare-title"), ...difference(sides));
  find("compare-caption").textContent = differenceNote(sides);
  fill(find("compare-table"), ...comparedRows(sides));
  for (const { group, side, run } of sides) {
    fill(find(`compare-title-${side}`), `${side.toUpperCase()}: `, isolated("bdi", optionName(group)));
    draw(`heatmap-${side}`, pairTraces(`heatmap-${side}`, run, group, state.metric, limit, data.select_by), pairLayout(group, []),
      { hover: (event) => hoverSide(event, side), unhover: hideTip });
  }
  drawRamp("compare-ramp", limit);
}

function hoverSide(event, side) {
  const group = side === "a" ? state.group : data.groups[Number(state.against)];
  tellPair(event, runIn(group, state.run.code));
}

// The report's paired differences, B less A, of searches that differ in one dimension; null for others.
function comparedRuns([a, b]) {
  const same = (names, group) => DIMENSIONS.every((name) => names[name] === group[name]);
  const of = data.comparisons.filter((one) => one.language === state.run.code);
  const part = (one, name, sign) => {
    const numbers = one[name][state.metric];
    if (!numbers || numbers[0] === null) return null;
    const [value, low, high] = sign > 0 ? numbers : [0, 2, 1].map((at) => (numbers[at] === null ? null : -numbers[at]));
    return { value, interval: low === null ? null : [low, high] };
  };
  const parts = (one, sign) => one && { facts: one.facts, held_out: part(one, "held_out", sign), at_best: part(one, "at_best", sign),
    baseline: part(one, "baseline", sign) };
  return parts(of.find((one) => same(one.first, a.group) && same(one.second, b.group)), 1)
    || parts(of.find((one) => same(one.first, b.group) && same(one.second, a.group)), -1) || null;
}

function difference(sides) {
  const found = comparedRuns(sides);
  const about = [isolated("bdi", state.run.name), `, ${state.metric}: `];
  const shown = found && (found.held_out || found.at_best);
  if (!shown) return [...about, "no paired difference"];
  const name = found.held_out ? "held-out gains" : "in-sample, at the best pairs";
  return [...about, `${name}, B less A: `, make("span", direction(shown.interval, state.metric), signed(shown.value)), " points",
    shown.interval ? `, 95 % interval ${bounds(shown.interval)}` : ""];
}

function differenceNote(sides) {
  const found = comparedRuns(sides);
  if (found) {
    return `Paired by fact, over ${count(found.facts, "fact")} that both evaluated; intervals by clusters of facts. Pairs are chosen by `
      + `${data.select_by}, the report’s metric.`;
  }
  const names = differing(sides[1].group);
  return names.length > 1 ? `The report pairs searches that differ in one thing alone; these differ in ${names.join(" and ")}. `
    + "Each stands by itself below." : "The report has no comparison of these two (docs/report.md says which it makes); each stands by itself below.";
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
  const delta = (one) => make("td", one ? direction(one.interval, state.metric) : "",
    one ? `${signed(one.value)}${one.interval ? ` (${bounds(one.interval)})` : ""}` : NOTHING);
  const each = (show) => sides.map(({ run, group }) => show(run, group));
  const { metric } = state;
  const gain = (run, group) => {
    const row = data.leaderboard[data.select_by].find((one) => one.language === run.code && groupOfRow(one) === group);
    const [value, low, high] = row ? (metric === data.select_by ? row.gain : row.other) : [null, null, null];
    return `${signed(value)}${low === null ? "" : ` (${bounds([low, high])})`}`;
  };
  const place = (run) => bestOf(run, data.select_by);
  const best = (run) => measured(run, metric, place(run));
  return [make("thead", "", head), make("tbody", "",
    cells(`Held-out gain of ${metric}`, ...each(gain), delta(found && found.held_out)),
    cells("Baseline", ...each((run) => percent(run.metrics[metric].baseline)), delta(found && found.baseline)),
    cells("At the best pair, in-sample", ...each((run) => `${percent(best(run).value)} (${signed(best(run).change)})`),
      delta(found && found.at_best)),
    cells("Best pair", ...each((run) => (place(run) === null ? NOTHING : pairName(run, place(run)))), ""),
    cells("95 % confidence set", ...each((run) => `${tiedWith(run, metric).length} of ${run.pairs.length}`), ""),
    cells("Facts", ...each((run) => run.facts.toLocaleString("en")), found ? `${found.facts.toLocaleString("en")} in both` : ""))];
}
