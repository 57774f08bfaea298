// Light or dark: the system's until the button is pressed, then the user's.

const system = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  return document.documentElement.dataset.theme || (system.matches ? "dark" : "light");
}

// A browser may refuse storage to a file; then the choice lasts as long as the page.
function remembered() {
  try {
    return localStorage.getItem("lrp2-theme");
  } catch {
    return null;
  }
}

function remember(name) {
  try {
    localStorage.setItem("lrp2-theme", name);
  } catch {
    // As above.
  }
}

function showTheme() {
  const dark = theme() === "dark";
  find("theme").textContent = dark ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
}

function startTheme() {
  const before = remembered();
  if (before === "light" || before === "dark") document.documentElement.dataset.theme = before;
  find("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    remember(document.documentElement.dataset.theme);
    drawAll();
  });
  system.addEventListener("change", drawAll);
}
