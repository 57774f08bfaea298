// The views, the controls, the address (#view=...&model=...), and what is redrawn when.

function options(id, values, chosen) {
  fill(find(id), ...values.map(([value, text]) => {
    const option = make("option", "", text);
    option.value = value;
    option.selected = value === chosen;
    return option;
  }));
}

function drawControls() {
  const { group, run, metric, view } = state;
  for (const name of DIMENSIONS) {
    const values = choicesOf(name, data.groups.filter((one) => name === "model" || one.model === group.model));
    options(name, values.map((value) => [value, strengthWord(name, value)]), group[name]);
    find(name).parentElement.hidden = view !== "language" || (name !== "model" && name !== "dataset" && values.length < 2);
  }
  options("language", group.runs.map((one, place) => [String(place), one.pivot ? `${one.name} (pivot)` : one.name]),
    String(group.runs.indexOf(run)));
  find("language").parentElement.hidden = view !== "language" && view !== "compare";
  find("metric-choice").hidden = view === "tables";
  for (const button of document.getElementsByName("metric")) button.checked = button.value === metric;
  for (const name of VIEWS) {
    const button = find(`view-${name}`);
    if (name === view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  for (const part of document.querySelectorAll("main > [data-view]")) part.hidden = part.dataset.view !== view;
}

function strengthWord(name, value) {
  return name === "strength" && value === data.searched.value ? data.searched.words : value;
}

function drawAll() {
  hideTip();
  showTheme();
  drawControls();
  ({ overview: drawOverview, language: drawLanguage, compare: drawCompare, tables: drawTables })[state.view]();
  for (const id of ["pivot-a", "pivot-b"]) find(id).textContent = id === "pivot-a" ? `${state.group.pivot}’s` : state.group.pivot;
  watchScrolls();
  writeAddress();
  document.body.dataset.drawn = state.view;
}

function drawLanguage() {
  drawResult();
  drawHeatmap();
  drawReadout();
  drawAlignment();
  drawFacts();
  drawRelations();
  drawBeside();
  drawChips();
  drawLanguages();
}

function chooseDimension(name, value) {
  setGroup(groupLike({ ...state.group, [name]: value }, name === "model" ? ["model"] : ["model", name]));
  drawAll();
}

function chooseView(view) {
  state.view = view;
  drawAll();
  scrollTo(0, 0);
}

function chooseRun(run) {
  setRun(run);
  drawAll();
  find("result").scrollIntoView({ block: "nearest" });
}

function showRun(group, code) {
  setGroup(group);
  const run = group.runs.find((one) => one.code === code);
  if (run) setRun(run);
  chooseView("language");
}

// Addresses of earlier pages name an ablation MODEL_INTERVENTION and an experiment DATASET, EXPERIMENT.
function groupOf(address) {
  const [dataset, experiment] = (address.get("dataset") || "").split(", ");
  const model = address.get("model");
  const found = data.groups.find((one) => one.model === model) || data.groups.find((one) => `${one.model}_${one.intervention}` === model);
  if (!found) return undefined;
  const named = Object.fromEntries(DIMENSIONS.map((name) => [name, address.get(name)]));
  const intervention = named.intervention || found.intervention;
  return groupLike({ ...named, model: found.model, intervention, dataset, experiment: named.experiment || experiment }, ["model"]);
}

function readAddress() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  setGroup(groupOf(wanted) || data.groups[0]);
  const run = state.group.runs.find((one) => one.code === wanted.get("language"));
  if (run) setRun(run);
  if (METRICS.includes(wanted.get("metric"))) setMetric(wanted.get("metric"));
  if (VIEWS.includes(wanted.get("view"))) state.view = wanted.get("view");
  else state.view = run ? "language" : "overview";
  state.against = wanted.get("against");
}

function writeAddress() {
  const { view, group, run, metric, against } = state;
  const named = DIMENSIONS.filter((name) => choicesOf(name, data.groups).length > 1 || name === "model" || name === "dataset");
  const address = new URLSearchParams({ view, ...Object.fromEntries(named.map((name) => [name, group[name]])),
    language: run.code, metric, ...(view === "compare" && against ? { against } : {}) });
  history.replaceState(null, "", `#${address}`);
}

function start() {
  startTheme();
  readAddress();
  find("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const name of DIMENSIONS) {
    find(name).addEventListener("change", (event) => chooseDimension(name, event.target.value));
  }
  for (const name of VIEWS) find(`view-${name}`).addEventListener("click", () => chooseView(name));
  find("language").addEventListener("change", (event) => {
    setRun(state.group.runs[Number(event.target.value)]);
    drawAll();
  });
  for (const name of METRICS.filter((one) => !document.querySelector(`[name=metric][value="${one}"]`))) {
    const label = make("label", "", make("input", ""), make("span", "", name.replaceAll("_", " ")));
    Object.assign(label.firstChild, { type: "radio", name: "metric", value: name });
    find("metric-choice").append(label);
  }
  for (const button of document.getElementsByName("metric")) {
    button.addEventListener("change", () => { setMetric(button.value); drawAll(); });
  }
  for (const button of document.getElementsByName("class")) {
    button.addEventListener("change", () => { state.classBy = button.value; state.off.clear(); drawChips(); drawLanguages(); });
  }
  find("heatmap").addEventListener("keydown", onHeatmapKey);
  startCompare();
  startDownloads();
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;  // the link that skips to the content
    readAddress();
    drawAll();
  });
  drawAll();
}

start();
