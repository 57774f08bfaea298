// The paper's Figure 2a for the chosen language: the similarity of parallel queries, layer by layer.

function drawAlignment() {
  const { run, group } = state;
  const found = run.alignment;
  find("alignment-section").hidden = !found;
  if (!found || bestOf(run, state.metric) === null) return;
  drawCaption(run, found, group);
  const layers = found.baseline.map((_, layer) => layer);
  const line = (name, y, shape) => ({ type: "scatter", name, mode: "lines", x: layers, y, hoverinfo: "none", line: shape });
  const traces = [
    line("baseline", found.baseline, { color: colour("soft"), width: 1.75, dash: "dash" }),
    line(group.method, found.lrp2, { color: colour("gain"), width: 2.25 }),
  ];
  const layout = {
    ...baseLayout({ l: 44, r: 34, t: 22, b: 40 }), hovermode: "x",
    xaxis: quietAxis("layer", { range: [-0.2, layers.length - 0.8], tick0: 0, dtick: layers.length > 14 ? 4 : 1 }),
    yaxis: quietAxis("cosine", { nticks: 5, showgrid: true, gridcolor: colour("line") }),
    shapes: found.projected.map((layer) => ({ type: "line", x0: layer, x1: layer, yref: "paper", y0: 0, y1: 1,
      line: { color: colour("class-3"), width: 1.25, dash: "dot" } })),
    annotations: found.projected.map((layer, index) => ({ x: layer, yref: "paper", y: 1, yanchor: "bottom",
      text: index ? "LSRP" : "LIRP", xanchor: index ? "left" : "right", showarrow: false,
      font: { size: 11, color: colour("class-3") } })),
  };
  draw("alignment", traces, layout, { hover: hoverLayer, unhover: hideTip });
}

function drawCaption(run, found, group) {
  const swatch = (className, text) => make("span", className, text);
  const at = found.projected.length ? ` at ${found.projected.join("/")}` : "";
  const best = pairName(run, bestOf(run, state.metric));
  const differs = at && found.projected.join("/") !== best ? `, which is not the best pair by ${state.metric}` : "";
  fill(find("alignment-caption"), `Cosine of parallel queries in ${run.name} and ${group.pivot}: `,
    swatch("dim", "dashed, baseline"), "; ", swatch("gain", `solid, with ${group.method}${at}`), `${differs}.`);
}

function hoverLayer(event) {
  const layer = event.points[0].x;
  const { baseline, lrp2 } = state.run.alignment;
  showTip(event.event, [layer ? `Layer ${layer}` : "Embeddings", `baseline ${points(baseline[layer])}`,
    `with ${state.group.method} ${points(lrp2[layer])}`]);
}
