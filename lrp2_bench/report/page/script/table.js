// Every language of the model on the dataset in a row; a column's title sorts by it.

const sorting = { key: "name", down: false };

function atBest(run, metric) {
  return measured(run, metric, bestOf(run, state.metric));
}

function columns() {
  const text = (key, title, of) => ({ key, title, of, show: (run) => [make("span", "", isolated("bdi", of(run) || NOTHING))],
    left: true });
  const numbers = (metric) => [
    { key: `${metric}-before`, title: "baseline", of: (run) => run.metrics[metric].baseline,
      show: (run) => [percent(run.metrics[metric].baseline)] },
    { key: `${metric}-after`, title: `with ${state.group.method}`, of: (run) => atBest(run, metric).value,
      show: (run) => [percent(atBest(run, metric).value)] },
    { key: `${metric}-change`, title: "in-sample change", of: (run) => atBest(run, metric).change,
      show: (run) => [make("span", direction(atBest(run, metric).interval, metric), signed(atBest(run, metric).change))] },
    { key: `${metric}-interval`, title: "95 % interval", of: (run) => (atBest(run, metric).interval || [null])[0],
      show: (run) => [make("span", "dim", bounds(atBest(run, metric).interval))] },
  ].map((column) => ({ ...column, group: capital(metric) }));
  const test = (key, title, form, group) => ({ key, title, group, of: (run) => tested(run, state.metric)[key],
    show: (run) => [form(tested(run, state.metric)[key])] });
  return [
    { key: "name", title: "Language", of: (run) => run.name, show: (run) => [languageButton(run)], left: true },
    text("resource", "Resource", (run) => run.resource && capital(run.resource)),
    text("family", "Family", (run) => run.family),
    { key: "pair", title: "Best pair", of: (run) => pairOrder(run), show: (run) => [bestName(run)] },
    { key: "tied", title: "95 % set", of: (run) => (bestOf(run, state.metric) === null ? null : tiedWith(run, state.metric).length || null),
      show: (run) => [tiedWith(run, state.metric).length ? String(tiedWith(run, state.metric).length) : NOTHING] },
    test("held_out", "gain", signed, "Held-out"),
    { key: "held_out_interval", title: "95 % interval", group: "Held-out", of: (run) => tested(run, state.metric).held_out_low,
      show: (run) => [make("span", "dim", bounds(testedBounds(run, state.metric, "held_out")))] },
    test("held_out_p_holm", "p Holm", chance, "Held-out"), test("shrunken", "shrunken", signed, "Held-out"),
    ...numbers(state.metric), test("max_t_p", "p max-T", chance, capital(state.metric)), ...numbers(other(state.metric)).slice(0, 3),
    test("naive_p", "p", chance, "Naive (McNemar)"), test("naive_p_holm", "Holm", chance, "Naive (McNemar)"),
  ];
}

function pairOrder(run) {
  const place = bestOf(run, state.metric);
  return place === null ? null : run.pairs[place][0] * 1000 + run.pairs[place][1];
}

function bestName(run) {
  const place = bestOf(run, state.metric);
  return place === null ? NOTHING : pairName(run, place);
}

function languageButton(run) {
  const button = make("button", "", isolated("bdi", run.name), run.pivot ? " (pivot)" : "");
  button.type = "button";
  button.addEventListener("click", () => chooseRun(run));
  return button;
}

// Missing values come last whichever way is up.
function ordered(runs, column) {
  const sign = sorting.down ? -1 : 1;
  return [...runs].sort((a, b) => {
    const [one, two] = [column.of(a), column.of(b)];
    if (one === null || two === null || one === undefined || two === undefined) {
      return (one === null || one === undefined) - (two === null || two === undefined);
    }
    return sign * (typeof one === "string" ? one.localeCompare(two, "en") : one - two);
  });
}

function drawTable() {
  const shown = columns();
  const classes = classesNow();
  const by = shown.find((column) => column.key === sorting.key) || shown[0];
  const runs = ordered(state.group.runs.filter((run) => isShown(run, classes)), by);
  fill(find("table"), make("thead", "", groupRow(shown), titleRow(shown)),
    make("tbody", "", ...runs.map((run) => languageRow(run, shown))));
}

// One cell over neighbours of one group; columns of no group have an empty one.
function groupRow(shown) {
  const cells = [];
  for (const { group, left } of shown) {
    const last = cells[cells.length - 1];
    if (last && group && last.textContent === group) {
      last.colSpan += 1;
      continue;
    }
    const cell = make(group ? "th" : "td", group ? "group" : left ? "left" : "", group || "");
    if (group) cell.scope = "colgroup";
    cells.push(cell);
  }
  return make("tr", "", ...cells);
}

function titleRow(shown) {
  return make("tr", "", ...shown.map((column) => {
    const button = make("button", "", column.title);
    button.type = "button";
    button.dataset.key = column.key;
    const cell = make("th", column.left ? "left" : "", button);
    cell.scope = "col";
    if (column.key === sorting.key) cell.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    button.addEventListener("click", () => sortBy(column));
    return cell;
  }));
}

function languageRow(run, shown) {
  const cells = shown.map((column, index) => {
    const cell = make(index ? "td" : "th", column.left ? "left" : "", ...column.show(run));
    if (!index) cell.scope = "row";
    return cell;
  });
  const row = make("tr", run === state.run ? "current" : "", ...cells);
  if (run === state.run) row.setAttribute("aria-current", "true");
  return row;
}

// Texts start from a, numbers from the largest.
function sortBy(column) {
  sorting.down = column.key === sorting.key ? !sorting.down : !column.left;
  sorting.key = column.key;
  drawTable();
  find("table").querySelector(`[data-key="${column.key}"]`).focus();
}
