// The page's elements. Texts from data enter as text nodes only, never as markup.

function find(id) {
  return document.getElementById(id);
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

// A text of any script and direction, which turns nothing around it.
function isolated(tag, text) {
  const element = make(tag, "", text);
  element.dir = "auto";
  return element;
}

// What a custom property of the style sheet looks like now, as rgb().
function colour(name) {
  const probe = find("tip");
  const before = probe.style.color;
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = before;
  return found;
}

// Plotly reads a few tags and entities in its texts; none of ours may be one.
function plotText(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function showTip(event, lines) {
  const tip = find("tip");
  fill(tip, make("b", "", isolated("bdi", lines[0])), ...lines.slice(1).map((line) => isolated("span", line)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const room = document.documentElement;
  const left = event.clientX + 16 + box.width > room.clientWidth ? event.clientX - 16 - box.width : event.clientX + 16;
  const top = Math.min(event.clientY + 16, room.clientHeight - box.height - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, top)}px`;
}

function hideTip() {
  find("tip").hidden = true;
}
