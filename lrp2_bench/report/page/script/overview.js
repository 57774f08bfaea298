// The first view: the answer with its interval, the leaderboard, claim checks, what was run, and the report's files.

function drawOverview() {
  const { listed: [first, ...others], rest } = data.answers[state.metric];
  fill(find("answer"), ...(first ? answer(first) : ["No pairs of layers were searched."]));
  fill(find("answers"), ...others.map((one) => make("li", "", ...answer(one))), ...(rest ? [make("li", "", rest)] : []));
  drawLeaderboard();
  drawVerdict();
  const about = find("about");
  find("about-section").hidden = !data.about;
  if (data.about && !about.childElementCount) fill(about, scrolled(reportTable(data.about), "What was run"), ...notesOf(data.about));
  drawFiles();
  document.title = "LRP2 layer search: overview";
}

// Worded as in the report's index; the outcome is a badge.
function answer(one) {
  return [make("strong", "", isolated("bdi", one.subject)), `: ${one.said}: `, badge(one)];
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
