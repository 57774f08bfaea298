// Classes of languages: resource or family, their colours, and the buttons that show and hide them.

const LISTED_FAMILIES = 6;

function classesNow() {
  const runs = state.group.runs.filter((run) => !run.pivot);
  const counts = new Map();
  for (const run of runs) counts.set(rawClass(run), (counts.get(rawClass(run)) || 0) + 1);
  if (state.classBy === "resource") return [...RESOURCES, "unknown"].filter((name) => counts.has(name));
  const byCount = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
  return byCount.length > LISTED_FAMILIES + 1 ? [...byCount.slice(0, LISTED_FAMILIES), "others"] : byCount;
}

function rawClass(run) {
  return run[state.classBy] || "unknown";
}

function classOf(run, classes) {
  return classes.includes(rawClass(run)) ? rawClass(run) : "others";
}

function classColour(name, classes) {
  const place = name === "others" || name === "unknown" ? 6 : classes.indexOf(name);
  return colour(`class-${Math.min(place, 6)}`);
}

function isShown(run, classes) {
  return run.pivot || !state.off.has(classOf(run, classes));
}

function drawChips() {
  const classes = classesNow();
  const runs = state.group.runs.filter((run) => !run.pivot);
  fill(find("chips"), ...classes.map((name) => {
    const members = runs.filter((run) => classOf(run, classes) === name).length;
    const swatch = make("i");
    swatch.style.color = classColour(name, classes);
    const button = make("button", "quiet chip", swatch, isolated("bdi", capital(name)), ` ${members}`);
    button.type = "button";
    button.setAttribute("aria-pressed", String(!state.off.has(name)));
    button.addEventListener("click", () => toggleClass(name, button));
    return button;
  }));
}

function toggleClass(name, button) {
  if (!state.off.delete(name)) state.off.add(name);
  button.setAttribute("aria-pressed", String(!state.off.has(name)));
  drawLanguages();
}
