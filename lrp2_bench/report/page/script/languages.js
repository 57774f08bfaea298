// The part about all languages of the model: a summary, the map, the table, and what is not finished.

function drawLanguages() {
  const { group } = state;
  fill(find("languages-title"), "All languages: ", isolated("bdi", group.model), " on ", isolated("bdi", dataName(group)));
  find("summary").textContent = summary();
  const searched = searchedRuns().length > 0;
  document.querySelector(".map-split").hidden = !searched;
  if (searched) drawMap();
  drawTable();
  fill(find("unfinished"), ...unfinished(group));
}

function summary() {
  const all = searchedRuns();
  const classes = classesNow();
  const runs = all.filter((run) => isShown(run, classes));
  if (!runs.length) return all.length ? "Every class of languages is hidden." : "No pairs were searched with this model.";
  const found = runs.map((run) => atBest(run, state.metric));
  const sign = data.signs[state.metric];
  const gaining = found.filter((one) => sign * one.change > 0).length;
  const known = found.filter((one) => one.interval);
  const sure = known.filter((one) => direction(one.interval, state.metric) === "gain").length;
  const mean = found.reduce((sum, one) => sum + (one.change || 0), 0) / found.length;
  const beyond = known.length ? `, ${sure} with an interval ${sign > 0 ? "above" : "below"} 0` : "";
  const [gain, low, high, told] = state.group.held_out[state.metric];
  const first = gain === null ? "Too few facts for a held-out gain. " : `Held-out gain of ${state.metric}, mean of ${count(told, "language")}: `
    + `${signed(gain)} points, ${low === null ? "too few languages for an interval" : `95 % interval ${bounds([low, high])}`}. `;
  return `${first}In-sample, at its best pair, it ${sign > 0 ? "rises" : "falls"} in ${gaining} of ${count(runs.length, "language")}${beyond}; `
    + `the mean in-sample change is ${signed(mean)} points.`;
}

function unfinished(group) {
  if (!group.unfinished.length) return [];
  const items = group.unfinished.map((run) => make("li", "", isolated("bdi", run.name), ": ", isolated("bdi", run.reason)));
  return [make("p", "", `Not finished, so not on this page (${items.length}):`), make("ul", "", ...items)];
}
