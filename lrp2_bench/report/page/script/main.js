// The controls, the address (#model=...&language=...), and what is redrawn when.

function options(id, values, chosen) {
  fill(find(id), ...values.map(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    option.selected = value === chosen;
    return option;
  }));
}

function drawControls() {
  const { group, run, metric } = state;
  const models = [...new Set(data.groups.map((one) => one.model))];
  const datasets = data.groups.filter((one) => one.model === group.model).map((one) => one.dataset);
  options("model", models.map((name) => [name, name]), group.model);
  options("dataset", datasets.map((name) => [name, name]), group.dataset);
  options("language", group.runs.map((one, place) => [String(place), one.pivot ? `${one.name} (pivot)` : one.name]),
    String(group.runs.indexOf(run)));
  for (const button of document.getElementsByName("metric")) button.checked = button.value === metric;
}

function drawAll() {
  hideTip();
  showTheme();
  drawControls();
  drawResult();
  drawHeatmap();
  drawReadout();
  drawAlignment();
  drawFacts();
  drawChips();
  drawLanguages();
  for (const id of ["pivot-a", "pivot-b"]) find(id).textContent = id === "pivot-a" ? `${state.group.pivot}’s` : state.group.pivot;
  writeAddress();
}

function chooseGroup(model, dataset) {
  const found = data.groups.filter((one) => one.model === model);
  setGroup(found.find((one) => one.dataset === dataset) || found[0]);
  drawAll();
}

function chooseRun(run) {
  setRun(run);
  drawAll();
  find("result").scrollIntoView({ block: "nearest" });
}

function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const group = data.groups.find((one) => one.model === wanted.get("model") && one.dataset === wanted.get("dataset"));
  setGroup(group || data.groups[0]);
  const run = state.group.runs.find((one) => one.code === wanted.get("language"));
  if (run) setRun(run);
  if (METRICS.includes(wanted.get("metric"))) setMetric(wanted.get("metric"));
}

function writeAddress() {
  const { group, run, metric } = state;
  const address = new URLSearchParams({ model: group.model, dataset: group.dataset, language: run.code, metric });
  history.replaceState(null, "", `#${address}`);
}

function start() {
  startTheme();
  readAddress();
  find("controls").addEventListener("submit", (event) => event.preventDefault());
  find("model").addEventListener("change", (event) => chooseGroup(event.target.value, state.group.dataset));
  find("dataset").addEventListener("change", (event) => chooseGroup(state.group.model, event.target.value));
  find("language").addEventListener("change", (event) => {
    setRun(state.group.runs[Number(event.target.value)]);
    drawAll();
  });
  for (const button of document.getElementsByName("metric")) {
    button.addEventListener("change", () => { setMetric(button.value); drawAll(); });
  }
  for (const button of document.getElementsByName("class")) {
    button.addEventListener("change", () => { state.classBy = button.value; state.off.clear(); drawChips(); drawLanguages(); });
  }
  find("heatmap").addEventListener("keydown", onHeatmapKey);
  addEventListener("hashchange", () => { readAddress(); drawAll(); });
  drawAll();
}

start();
