// The facts that the best pair changes: queries with their right answers, in the language and the pivot.

const FIRST = 6;
const FLIP = { gained: "miss→hit", lost: "hit→miss" };

function drawFacts() {
  const { run, metric, group } = state;
  const place = bestOf(run, metric);
  const change = place === null ? null : run.changes[pairName(run, place)];
  find("facts").hidden = !change;
  if (!change) return;
  find("facts-title").textContent = `Facts that change at ${pairName(run, place)}`;
  find("facts-caption").textContent = change.gained.instead || change.lost.instead
    ? "Queries with their right answers, and what is answered instead where they are missed."
    : "Queries with their right answers. What the model ranked first instead is not recorded: lrp2-bench score finds it.";
  drawSide("gained", change.gained, `miss in the baseline, hit with ${group.method}`, group);
  drawSide("lost", change.lost, `hit in the baseline, miss with ${group.method}`, group);
}

function drawSide(id, side, what, group) {
  find(`${id}-title`).textContent = `${count(side.count, "fact")}: ${FLIP[id]}`;
  const known = side.count ? `; ${group.pivot} gets ${side.pivot.toLocaleString("en")} of them right` : "";
  find(`${id}-caption`).textContent = `${capital(what)}${known}.`;
  listFacts(id, side, FIRST);
}

function listFacts(id, side, shown) {
  const list = find(id);
  fill(list, ...side.shown.slice(0, shown).map((entry, index) => factItem(data.facts[entry], side.right[index],
    side.instead ? side.instead[index] : null)));
  const button = find(`${id}-more`);
  const left = side.shown.length - shown;
  button.hidden = side.shown.length <= FIRST;
  const cut = side.shown.length < side.count ? ` (of ${side.count.toLocaleString("en")} in all)` : "";
  button.textContent = left > 0 ? `Show ${left} more${cut}` : `Show fewer${cut}`;
  button.onclick = () => listFacts(id, side, left > 0 ? side.shown.length : FIRST);
}

function factItem([relation, before, answer, behind, pivotBefore, pivotAnswer, pivotBehind], right, instead) {
  const sentence = (tag, className, first, middle, last) => {
    const element = make(tag, className, first, make("strong", "", isolated("bdi", middle)), last);
    element.dir = "auto";
    return element;
  };
  const about = make("span", "about", isolated("bdi", relation));
  if (pivotAnswer !== null && !right) about.append(` · ${state.group.pivot} misses it too`);
  const query = sentence("p", "query", before, answer, behind);
  query.lang = state.run.code;  // Chinese, Japanese and Korean share characters, not their shapes
  return make("li", "", query, ...(instead === null ? [] : [make("p", "gloss", "answered instead: ",
    isolated("bdi", instead))]), make("p", "gloss",
    ...(pivotAnswer === null ? [] : [sentence("bdi", "", pivotBefore, pivotAnswer, pivotBehind), " · "]), about));
}
