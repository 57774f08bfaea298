// What is chosen, and what follows from it. Runs are the languages of one model on one dataset.

const data = JSON.parse(find("data").textContent);
const METRICS = data.metrics;
const RESOURCES = ["high", "medium", "low"];
const VIEWS = ["overview", "language", "compare", "tables"];
//: What a group of runs is of, as its controls and the address name it.
const DIMENSIONS = ["model", "intervention", "dataset", "experiment", "strength"];
const state = { view: "overview", group: data.groups[0], run: null, metric: data.select_by, pair: null, classBy: "resource",
  off: new Set(), against: null };

function other(metric) {
  return METRICS.find((name) => name !== metric);
}

function bestOf(run, metric) {
  const place = run.best[metric];
  return place === undefined ? null : place;
}

function setRun(run) {
  state.run = run;
  state.pair = bestOf(run, state.metric);
}

function setGroup(group) {
  const before = state.run ? state.run.code : null;
  state.group = group;
  state.off.clear();
  const searched = group.runs.find((run) => run.pairs.length);
  setRun(group.runs.find((run) => run.code === before) || searched || group.runs[0]);
}

// The group that agrees in most of what ``wanted`` names, the first such; undefined where its ``must`` has no other.
function groupLike(wanted, must) {
  const agreed = (group) => DIMENSIONS.filter((name) => group[name] === wanted[name]).length;
  const fitting = data.groups.filter((group) => must.every((name) => group[name] === wanted[name]));
  return fitting.reduce((best, group) => (best && agreed(best) >= agreed(group) ? best : group), undefined);
}

function dataName(group) {
  return choicesOf("experiment", data.groups).length > 1 ? `${group.dataset}, ${group.experiment}` : group.dataset;
}

function choicesOf(dimension, groups) {
  return [...new Set(groups.map((group) => group[dimension]))];
}

function setMetric(metric) {
  state.metric = metric;
  state.pair = bestOf(state.run, metric);
}

// A pair's value, change and interval of one metric; null for what there is not.
function measured(run, metric, place) {
  const numbers = run.metrics[metric];
  const value = place === null ? null : numbers.values[place];
  const change = value === null || numbers.baseline === null ? null : value - numbers.baseline;
  const known = place !== null && numbers.low && numbers.low[place] !== null;
  return { baseline: numbers.baseline, value, change, interval: known ? [numbers.low[place], numbers.high[place]] : null };
}

// How certain a language's best pair is: held-out gain and p-values; all null for what there is not.
function tested(run, metric) {
  const none = { held_out: null, held_out_low: null, held_out_high: null, shrunken: null, new_language: null,
    held_out_p: null, held_out_p_holm: null, max_t_p: null, in_sample_low: null, naive_p: null, naive_p_holm: null };
  return run.metrics[metric].test || none;
}

// [low, high] of one of its numbers, null where it has none.
function testedBounds(run, metric, key) {
  const found = tested(run, metric);
  return found[`${key}_low`] === null || found[`${key}_low`] === undefined ? null : [found[`${key}_low`], found[`${key}_high`]];
}

// 1 for the best value; equals share the better rank.
function rank(run, metric, place) {
  const values = run.metrics[metric].values.filter((value) => value !== null);
  const own = run.metrics[metric].values[place];
  return { rank: 1 + values.filter((value) => data.signs[metric] * (value - own) > 0).length, of: values.length };
}

function placeOf(run, lirp, lsrp) {
  const place = run.pairs.findIndex((pair) => pair[0] === lirp && pair[1] === lsrp);
  return place < 0 ? null : place;
}

function paperPlace(run) {
  return run.paper ? placeOf(run, run.paper[0], run.paper[1]) : null;
}

function tiedWith(run, metric) {
  return run.metrics[metric].confidence_set || [];
}

function pairName(run, place) {
  return `${run.pairs[place][0]}/${run.pairs[place][1]}${strengthOf(run, place, " at ")}`;
}

// Nothing where strengths were not searched.
function strengthOf(run, place, before) {
  return run.strengths ? before + run.strengths[place] : "";
}

// Languages that the summary and the map are about: searched, and not the pivot.
function searchedRuns() {
  return state.group.runs.filter((run) => !run.pivot && bestOf(run, state.metric) !== null);
}
