// The colours of changes: by the square root of the change, so that small gains are seen beside deep losses, and up to
// the largest change of the languages shown, so that none lies beyond them.

const ROUND_ENDS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];

function limitOf(runs, metric) {
  const sizes = runs.flatMap((run) => run.pairs.map((_, place) => Math.abs(measured(run, metric, place).change || 0)));
  const reach = Math.max(0.01, ...sizes);
  const unit = 10 ** Math.floor(Math.log10(reach));
  return unit * (ROUND_ENDS.find((end) => end * unit >= reach * (1 - 1e-9)) || 10);
}

function colourScale() {
  const ramp = data.colours[theme()];
  return ramp.map((colour, index) => {
    const root = (2 * index) / (ramp.length - 1) - 1;
    return [(Math.sign(root) * root * root + 1) / 2, colour];
  });
}

function rampColour(change, limit) {
  const ramp = data.colours[theme()];
  const root = Math.sign(change) * Math.sqrt(Math.min(Math.abs(change) / limit, 1));
  return ramp[Math.round(((root + 1) / 2) * (ramp.length - 1))];
}

function inkOn(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 ? "#111111" : "#ffffff";
}

function drawRamp(id, limit) {
  find(id).style.background = `linear-gradient(to right, ${data.colours[theme()].join(", ")})`;
  const digits = limit >= 4 ? (limit % 4 ? 1 : 0) : 2;
  fill(find(`${id}-ends`), ...[-limit, -limit / 4, 0, limit / 4, limit].map((end) => make("span", "",
    end === 0 ? "0" : signed(end, digits))));
}
