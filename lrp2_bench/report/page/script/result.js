// The sentence on top: the best pair, what it changes, and how certain that is.

function drawResult() {
  const { group, run, metric } = state;
  const shared = `${count(run.facts, "fact")}, ${run.shared.toLocaleString("en")} shared with ${group.pivot}`;
  fill(find("overline"), isolated("bdi", run.name), " · ", isolated("bdi", group.model), " on ",
    isolated("bdi", group.dataset), ` · ${run.pivot ? count(run.facts, "fact") : shared}`);
  fill(find("headline"), ...headline(run, metric));
  fill(find("remarks"), ...remarks(run, metric).map((text) => make("li", "", text)));
  document.title = `${run.name}, ${metric}: ${group.model} on ${group.dataset}, ${group.method}`;
}

function headline(run, metric) {
  const place = bestOf(run, metric);
  if (place === null) {
    return [make("strong", "", "Baseline"), `: ${metric} ${percent(run.metrics[metric].baseline)}`];
  }
  const { value, change, interval } = measured(run, metric, place);
  const [lirp, lsrp] = run.pairs[place];
  const sure = interval ? `, 95 % interval ${bounds(interval)}` : "";
  return [
    make("strong", "", `Best pair LIRP ${lirp}, LSRP ${lsrp}${strengthOf(run, place, ", strength ")}`), `: ${metric} ${percent(value)} (`,
    make("span", direction(interval), signed(change)), `${sure}) ${change < 0 ? "against" : "over"} the baseline`,
  ];
}

function remarks(run, metric) {
  const place = bestOf(run, metric);
  if (run.pivot) return ["This is the pivot: its own row, to compare with."];
  if (place === null) return ["No pair of layers was searched in this language.", ...run.notes];
  const best = measured(run, metric, place);
  const found = [sureness(best), ...heldOut(run, metric, best)];
  const tied = tiedWith(run, metric).length;
  if (tied > 1) found.push(`${tied} of ${run.pairs.length} pairs are in the 95 % confidence set; they are outlined.`);
  if (run.paper) found.push(paperRemark(run, metric));
  return [...found.filter((text) => text), ...run.notes];
}

function sureness({ change, interval }) {
  if (change <= 0) return "No pair does better than the baseline.";
  if (interval === null) return "";
  if (interval[0] > 0) return "The interval lies above 0, but the pair was chosen on the same facts (in-sample), so the change is biased upwards.";
  return "The interval includes 0: these facts do not show that any pair helps.";
}

// The held-out gain, and the tests, corrected for the languages that were tested.
function heldOut(run, metric, { change }) {
  const { held_out, p, p_holm, held_out_p, held_out_p_holm } = tested(run, metric);
  if (held_out === null) return [];
  const asked = state.group.runs.filter((one) => tested(one, metric).p !== null).length;
  const corrected = asked > 1 ? ` (${chance(p_holm)} by Holm for ${asked} languages)` : "";
  const heldOut = asked > 1 ? ` (${chance(held_out_p_holm)})` : "";
  const place = bestOf(run, metric);
  return [
    `Held-out gain: ${signed(held_out)}, the pair chosen on one half of the facts and reported on the other; `
      + `selection bias ${points(change - held_out)}.`,
    `Facts hit: ${run.gained[place].toLocaleString("en")} miss→hit, ${run.lost[place].toLocaleString("en")} hit→miss, `
      + `p ${chance(p)}${corrected}; on facts that did not choose the pair p ${chance(held_out_p)}${heldOut}.`,
  ];
}

function paperRemark(run, metric) {
  const place = paperPlace(run);
  const name = `The paper’s pair, ${run.paper[0]}/${run.paper[1]},`;
  if (place === null) return `${name} was not evaluated here.`;
  const { value, change } = measured(run, metric, place);
  const { rank: ours, of } = rank(run, metric, place);
  return `${name} gives ${percent(value)} (${signed(change)}) here, rank ${ours} of ${of}.`;
}
