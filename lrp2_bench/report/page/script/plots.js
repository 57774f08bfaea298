// What all figures have in common: quiet axes, colours of the theme, no tool bar.

const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };

function baseLayout(margin) {
  return {
    margin, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
    hovermode: "closest", font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("soft") },
  };
}

function quietAxis(title, more) {
  return {
    title: { text: title, standoff: 6, font: { size: 12, color: colour("soft") } }, fixedrange: true, showgrid: false,
    zeroline: false, showline: false, ticks: "", automargin: false, ...more,
  };
}

// A pair's cell has LSRP's layer across and LIRP's up; only below the diagonal are there any.
function pairAxes(blocks) {
  const step = blocks <= 12 ? 1 : 2;
  return {
    xaxis: quietAxis("LSRP after block", { range: [1.5, blocks + 0.5], tick0: 2, dtick: step }),
    yaxis: quietAxis("LIRP after block", { range: [0.5, blocks - 0.5], tick0: 1, dtick: step }),
  };
}

function pairGrid(blocks, valueOf) {
  const lsrps = Array.from({ length: blocks - 1 }, (_, index) => index + 2);
  const lirps = lsrps.map((lsrp) => lsrp - 1);
  return { x: lsrps, y: lirps, z: lirps.map((i) => lsrps.map((j) => (i < j ? valueOf(i, j) : null))) };
}

function flat(grid, name, gap) {
  return { type: "heatmap", ...grid, colorscale: [[0, colour(name)], [1, colour(name)]], showscale: false,
    xgap: gap, ygap: gap, hoverinfo: "skip" };
}

// Handlers are set once: Plotly keeps a figure's element when it redraws.
function draw(id, traces, layout, handlers) {
  const element = find(id);
  const known = element.classList.contains("js-plotly-plot");
  Plotly.react(element, traces, layout, CONFIG);
  if (known) return;
  const { hover, ...others } = handlers;
  for (const [name, handler] of Object.entries(others)) element.on(`plotly_${name}`, handler);
  // It waits before it reports a hover, and reports none that ends while it redraws, as after a click.
  element.on("plotly_hover", (event) => element.matches(":hover") && hover(event));
  element.addEventListener("mouseleave", hideTip);
}
