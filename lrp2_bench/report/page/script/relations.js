// What the best pair wins and loses, relation by relation.

const FIRST_RELATIONS = 12;

function drawRelations() {
  const { run, metric } = state;
  const place = bestOf(run, metric);
  const found = place === null ? [] : relationRows(run, pairName(run, place));
  find("relations").hidden = !found.length;
  if (!found.length) return;
  find("relations-title").textContent = `Relations at ${pairName(run, place)}`;
  const up = found.filter((one) => one.net > 0).length;
  const down = found.filter((one) => one.net < 0).length;
  find("relations-caption").textContent = `Facts from miss to hit and from hit to miss. Of ${count(found.length, "relation")}, `
    + `${up} ${up === 1 ? "wins" : "win"} more than ${up === 1 ? "it loses" : "they lose"}, ${down} ${down === 1 ? "loses" : "lose"} more.`;
  listRelations(found, FIRST_RELATIONS);
}

function relationRows(run, pair) {
  return Object.entries(run.relations).filter(([, one]) => one[pair]).map(([relation, one]) => {
    const [facts, hits] = one.facts;
    const [gained, lost] = one[pair];
    return { relation, name: data.relations[relation] || "", facts, hits, gained, lost, net: gained - lost };
  }).sort((a, b) => b.net - a.net || b.gained - a.gained || a.relation.localeCompare(b.relation, "en"));
}

// Cut, the largest gains and the largest losses are shown.
function listRelations(found, shown) {
  const half = Math.ceil(shown / 2);
  const rows = found.length > shown ? [...found.slice(0, half), ...found.slice(half - shown)] : found;
  const most = Math.max(1, ...found.flatMap((one) => [one.gained, one.lost]));
  const head = make("tr", "", ...["Relation", "facts", "baseline", "hit→miss", "miss→hit", "net"].map((text, at) => {
    const cell = make("th", at ? "" : "left", text);
    cell.scope = "col";
    return cell;
  }));
  fill(find("relations-table"), make("thead", "", head), make("tbody", "", ...rows.map((one) => relationRow(one, most))));
  const button = find("relations-more");
  button.hidden = found.length <= FIRST_RELATIONS;
  button.textContent = rows.length < found.length ? `Show all ${found.length} relations` : "Show fewer";
  button.onclick = () => { listRelations(found, rows.length < found.length ? found.length : FIRST_RELATIONS); watchScrolls(); };
}

function relationRow(one, most) {
  const title = make("th", "left", isolated("bdi", one.relation), " ", make("span", "dim", isolated("bdi", one.name)));
  title.scope = "row";
  const bar = (number, kind) => {
    const length = make("i", kind);
    length.style.width = `${(number / most) * 4}rem`;
    const cell = make("td", `swing ${kind}-side`, ...(kind === "loss" ? [String(number), length] : [length, String(number)]));
    return cell;
  };
  const net = one.net > 0 ? `+${one.net}` : String(one.net).replace("-", "−");
  return make("tr", "", title, make("td", "dim", one.facts.toLocaleString("en")),
    make("td", "dim", `${percent((100 * one.hits) / one.facts)} %`), bar(one.lost, "loss"), bar(one.gained, "gain"),
    make("td", "", net));
}
