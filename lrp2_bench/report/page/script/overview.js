// The first view: the answer with its interval, the leaderboard, claim checks, what was run, and the report's files.

function drawOverview() {
  const all = boards();
  // The strengths of a search over strengths are parts of it.
  const found = all.filter(({ head }) => head.strength === "searched" || !all.some((board) => board.head.strength === "searched"
    && DIMENSIONS.every((name) => name === "strength" || board.head[name] === head[name])));
  const asked = found.filter(({ head }) => head.intervention === "lrp2");
  const heads = (asked.length ? asked : found).map((board) => board.head);
  const untold = (row) => row.gain.filter((one) => one === null).length;  // no interval, or nothing
  heads.sort((a, b) => untold(a) - untold(b));
  fill(find("answer"), ...(heads.length ? answer(heads[0]) : ["No pairs of layers were searched."]));
  fill(find("answers"), ...heads.slice(1, 6).map((row) => make("li", "", ...answer(row))),
    ...(heads.length > 6 ? [make("li", "", `${heads.length - 6} more in the leaderboard.`)] : []));
  drawLeaderboard();
  drawVerdict();
  const about = find("about");
  find("about-section").hidden = !data.about;
  if (data.about && !about.childElementCount) fill(about, scrolled(reportTable(data.about), "What was run"), ...notesOf(data.about));
  drawFiles();
  document.title = "LRP2 layer search: overview";
}

// ``LRP2 with tiny_bloom on mlama, mean of 4 languages: ...``
function answer(row) {
  const [gain, low, high] = row.gain;
  const method = row.intervention === "lrp2" ? "LRP2" : row.intervention;
  const more = ["experiment", "strength"].filter((name) => choicesOf(name, data.groups).length > 1)
    .map((name) => `, ${name === "strength" ? "strength " : ""}${strengthWord(name, row[name])}`).join("");
  const subject = [make("strong", "", isolated("bdi", `${method} with ${row.model} on ${row.dataset}${more}`)), `, ${row.name}: `];
  if (gain === null) return [...subject, "inconclusive, too few facts for a held-out gain."];
  const interval = low === null ? null : [low, high];
  const sure = interval ? `, 95 % interval ${bounds(interval)}` : ", too few languages for an interval";
  return [...subject, `held-out gain of ${state.metric} `, make("span", direction(interval), signed(gain)), ` points${sure}: `, badge(row)];
}

function drawVerdict() {
  const found = data.tables.find((one) => one.name === "verdict");
  find("verdict-section").hidden = !found;
  if (!found || find("verdict").childElementCount) return;
  fill(find("verdict"), scrolled(reportTable(found), found.title), ...notesOf(found));
}

// Links work where the page lies in its report's folder.
function fileLinks(paths) {
  return paths.flatMap((path, at) => {
    const link = make("a", "", path.slice(path.lastIndexOf(".") + 1).toUpperCase());
    link.href = path.split("/").map(encodeURIComponent).join("/");
    return at ? [" · ", link] : [link];
  });
}

function drawFiles() {
  if (find("files").childElementCount) return;
  const line = (name, paths) => make("li", "", isolated("bdi", name), ": ", ...fileLinks(paths));
  const list = (title, items) => (items.length ? [make("h3", "", title), make("ul", "columns", ...items)] : []);
  fill(find("files"), ...list("All results", data.results.length ? [line("results", data.results)] : []),
    ...list("Tables", data.tables.filter((one) => one.files.length).map((one) => line(one.name, one.files))),
    ...list("Figures", data.figures.map((one) => line(one.name, one.files))));
  find("files-section").hidden = !find("files").childElementCount;
}
