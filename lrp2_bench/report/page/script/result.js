// The sentence on top: the best pair, what it changes, and how certain that is.

function drawResult() {
  const { group, run, metric } = state;
  const shared = `${count(run.facts, "fact")}, ${run.shared.toLocaleString("en")} shared with ${group.pivot}`;
  fill(find("overline"), isolated("bdi", run.name), " · ", isolated("bdi", group.model), " on ",
    isolated("bdi", dataName(group)), group.method === "LRP2" ? "" : ` · ${group.method}`, strengthsShown(group), ` · ${run.pivot ? count(run.facts, "fact") : shared}`);
  fill(find("headline"), ...headline(run, metric));
  fill(find("remarks"), ...remarks(run, metric).map((text) => make("li", "", text)));
  document.title = `${run.name}, ${metric}: ${group.model} on ${dataName(group)}, ${group.method}`;
}

function strengthsShown(group) {
  return choicesOf("strength", data.groups).length > 1 ? ` · strength ${strengthWord("strength", group.strength)}` : "";
}

// What holds on facts that did not choose the pair comes first; the best pair on its own facts second.
function headline(run, metric) {
  if (bestOf(run, metric) === null) {
    return [make("strong", "", "Baseline"), `: ${metric} ${percent(run.metrics[metric].baseline)}`];
  }
  const { held_out } = tested(run, metric);
  if (held_out === null) {
    return [make("strong", "", "Inconclusive"), `: too few facts for a held-out gain of ${metric}`];
  }
  const interval = testedBounds(run, metric, "held_out");
  return [make("strong", "", "Held-out gain"), ` of ${metric}: `, make("span", direction(interval, metric), signed(held_out)),
    ` points, 95 % interval ${bounds(interval)}`];
}

function remarks(run, metric) {
  const place = bestOf(run, metric);
  if (run.pivot) return ["This is the pivot: its own row, to compare with."];
  if (place === null) return ["No pair of layers was searched in this language.", ...run.notes];
  const found = [inSample(run, metric, place), ...certain(run, metric)];
  const tied = tiedWith(run, metric).length;
  if (tied > 1) found.push(`${tied} of ${run.pairs.length} pairs are in the 95 % confidence set; they are outlined.`);
  if (run.paper) found.push(paperRemark(run, metric));
  return [...found.filter((text) => text), ...run.notes];
}

function inSample(run, metric, place) {
  const { value, change } = measured(run, metric, place);
  const [lirp, lsrp] = run.pairs[place];
  const interval = testedBounds(run, metric, "in_sample");
  const sure = interval ? `, 95 % interval ${bounds(interval)}` : "";
  const { held_out } = tested(run, metric);
  const bias = held_out === null ? "" : `; selection bias ${points(change - held_out)}`;
  return `In-sample: best pair LIRP ${lirp}, LSRP ${lsrp}: ${metric} ${percent(value)} (${signed(change)}${sure}) `
    + `against the baseline${bias}.`;
}

// Tests of the metric shown; McNemar's, which is about facts hit, is named so.
function certain(run, metric) {
  const found = tested(run, metric);
  if (found.naive_p === null) return [];
  const asked = state.group.runs.filter((one) => tested(one, metric).naive_p !== null).length;
  const corrected = asked > 1 ? ` (${chance(found.held_out_p_holm)} by Holm for ${asked} languages)` : "";
  const place = bestOf(run, metric);
  const lines = [];
  if (found.held_out_p !== null) {
    lines.push(`Test that the held-out gain is 0: p ${chance(found.held_out_p)}${corrected}; drawn to the languages’ mean it is `
      + `${signed(found.shrunken)} (${bounds(testedBounds(run, metric, "shrunken"))}).`);
  }
  if (found.max_t_p !== null) {
    lines.push(`No pair is better than the baseline in ${metric}: p ${chance(found.max_t_p)} by max-T over all pairs and languages.`);
  }
  if (found.new_language !== null) {
    const interval = testedBounds(run, metric, "new_language");
    lines.push(interval === null ? "On average over the other languages no pair is better than the baseline."
      : `The pair that the other languages choose changes it by ${signed(found.new_language)} (${bounds(interval)}).`);
  }
  lines.push(`Facts hit at the best pair: ${run.gained[place].toLocaleString("en")} miss→hit, `
    + `${run.lost[place].toLocaleString("en")} hit→miss; naive p of accuracy (McNemar) ${chance(found.naive_p)}.`);
  return lines;
}

function paperRemark(run, metric) {
  const place = paperPlace(run);
  const name = `The paper’s pair, ${run.paper[0]}/${run.paper[1]},`;
  if (place === null) return `${name} was not evaluated here.`;
  const { value, change } = measured(run, metric, place);
  const { rank: ours, of } = rank(run, metric, place);
  return `${name} gives ${percent(value)} (${signed(change)}) here, rank ${ours} of ${of}.`;
}
