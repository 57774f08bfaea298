// What the page shows as files: a heatmap as PNG or SVG, tables as CSV; made here, nothing is fetched.

function save(name, text, type) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function fileName(...parts) {
  return parts.join("_").replace(/[^\p{L}\p{N}._-]+/gu, "-");
}

// Quoted where needed; what a spreadsheet would run as a formula is not.
function csv(rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

function saveFigure(format) {
  const { run, metric, group } = state;
  const box = find("heatmap").getBoundingClientRect();
  const name = fileName("heatmap", metric, ...DIMENSIONS.map((one) => group[one]), run.code);
  const layout = { ...find("heatmap").layout, paper_bgcolor: colour("paper"), width: box.width, height: box.height, shapes: [] };
  return Plotly.downloadImage({ data: find("heatmap").data, layout }, { format, filename: name, width: box.width, height: box.height,
    scale: format === "png" ? 3 : 1 });
}

function savePairs() {
  const { run, group } = state;
  const columns = METRICS.flatMap((metric) => [metric, `${metric}_change`, `${metric}_low`, `${metric}_high`]);
  const rows = run.pairs.map(([lirp, lsrp], place) => [lirp, lsrp, strengthOf(run, place, ""), ...METRICS.flatMap((metric) => {
    const { value, change, interval } = measured(run, metric, place);
    return [value, change === null ? null : Number(change.toFixed(6)), ...(interval || [null, null])];
  })]);
  save(fileName("pairs", ...DIMENSIONS.map((one) => group[one]), run.code) + ".csv",
    csv([["lirp", "lsrp", "strength", ...columns], ...rows]), "text/csv");
}

function saveLeaderboard() {
  const names = [...DIMENSIONS, "language", "languages", "facts"];
  const rows = data.leaderboard[state.metric].map((row) => [...names.map((name) => row[name]), ...row.gain, row.outcome, row.p,
    row.other[0], row.baseline, row.in_sample[0], row.best, row.why]);
  save(`leaderboard_${state.metric}.csv`, csv([[...names, "held_out", "held_out_low", "held_out_high", "result", "p_holm",
    `${other(state.metric)}_held_out`, "baseline", "in_sample", "best", "why"], ...rows]), "text/csv");
}

function startDownloads() {
  find("save-png").addEventListener("click", () => saveFigure("png"));
  find("save-svg").addEventListener("click", () => saveFigure("svg"));
  find("save-pairs").addEventListener("click", savePairs);
  find("save-leaderboard").addEventListener("click", saveLeaderboard);
}
