// Numbers and texts as they are shown: minus signs, fixed decimals, nothing for what is missing.

const NOTHING = "–";

function fixed(value, digits) {
  const text = value.toFixed(digits).replace("-", "−");
  return Number(value.toFixed(digits)) === 0 ? text.replace("−", "") : text;
}

function percent(value) {
  return value === null ? NOTHING : fixed(value, 1);
}

function points(value) {
  return value === null ? NOTHING : fixed(value, 2);
}

function signed(value, digits = 2) {
  if (value === null) return NOTHING;
  const text = fixed(value, digits);
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text;
}

function bounds(interval) {
  return interval === null ? NOTHING : `${points(interval[0])} to ${points(interval[1])}`;
}

// A p-value as in the tables.
function chance(p) {
  if (p === null) return NOTHING;
  return p < 0.001 ? "<0.001" : fixed(p, 3);
}

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many || `${one}s`}`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// "gain" or "loss" where an interval of the metric lies on one side of 0; else "": inconclusive.
function direction(interval, metric) {
  if (interval === null || !(interval[0] > 0 || interval[1] < 0)) return "";
  return interval[0] > 0 === data.signs[metric] > 0 ? "gain" : "loss";
}
