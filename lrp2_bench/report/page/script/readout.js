// The numbers of the marked pair.

function drawReadout() {
  const { run, metric, pair } = state;
  if (pair === null) return;
  const [lirp, lsrp] = run.pairs[pair];
  fill(find("readout-title"), `Pair LIRP ${lirp}, LSRP ${lsrp}${strengthOf(run, pair, ", strength ")}`);
  const { rank: ours, of } = rank(run, metric, pair);
  const facts = [`Rank ${ours} of ${of} by ${metric}`];
  if (pair === bestOf(run, metric)) facts[0] = `The best of ${of} pairs by ${metric}`;
  else if (tiedWith(run, metric).includes(pair)) facts.push("in the 95 % confidence set");
  if (pair === paperPlace(run)) facts.push("the paper’s pair");
  if (run.gained) facts.push(`${run.gained[pair]} miss→hit, ${run.lost[pair]} hit→miss`);
  fill(find("readout"), readings(run, metric, pair), make("p", "", `${facts.join("; ")}.`));
}

function readings(run, metric, pair) {
  const head = make("tr", "", ...["", "baseline", "here", "change", "95 % interval"].map((text) => {
    const cell = make(text ? "th" : "td", "", text);
    if (text) cell.scope = "col";
    return cell;
  }));
  const rows = [metric, other(metric)].map((name) => {
    const { baseline, value, change, interval } = measured(run, name, pair);
    const label = make("th", "", capital(name));
    label.scope = "row";
    return make("tr", "", label, make("td", "", points(baseline)), make("td", "", points(value)),
      make("td", direction(interval, name), signed(change)), make("td", "dim", bounds(interval)));
  });
  return make("table", "reading", make("thead", "", head), make("tbody", "", ...rows));
}
