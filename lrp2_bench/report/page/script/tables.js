// The report's tables: claim checks, ablations, analyses, what was answered, and all others, each to be opened.

function reportTable(found) {
  const head = make("tr", "", ...found.columns.map((title, at) => {
    const cell = make("th", found.words[at] ? "left" : "", isolated("bdi", title));
    cell.scope = "col";
    return cell;
  }));
  const rows = found.rows.map((row) => make("tr", "", ...row.map((text, at) => {
    const words = found.words[at] ? `left${text.length > 40 ? " prose" : ""}` : "";
    return make("td", words + (["supported", "contradicted", "inconclusive"].includes(text) ? ` outcome ${text}` : ""),
      isolated("bdi", text));
  })));
  return make("table", "report", make("thead", "", head), make("tbody", "", ...rows));
}

function notesOf(found) {
  return found.notes.length ? [make("ul", "notes", ...found.notes.map((note) => make("li", "", isolated("bdi", note))))] : [];
}

function tableFiles(found) {
  return found.files.length ? make("p", "files", ...fileLinks(found.files)) : null;
}

// Built when it is opened: a report may have hundreds.
function drawer(found) {
  const details = make("details", "drawer", make("summary", "", isolated("bdi", found.title),
    make("span", "dim", ` ${count(found.rows.length, "row")}`)));
  details.id = `table-${found.name}`;
  const open = () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(scrolled(reportTable(found), found.title), ...notesOf(found), tableFiles(found) || "");
    watchScrolls();
  };
  details.addEventListener("toggle", open);
  return details;
}

function drawTables() {
  if (find("all-tables").childElementCount) return;
  const sections = [...new Set(data.tables.map((one) => one.section))];
  fill(find("all-tables"), ...sections.flatMap((section) => [make("h2", "", section),
    ...data.tables.filter((one) => one.section === section).map(drawer)]));
  find("no-tables").hidden = data.tables.length > 0;
}

function openTable(name) {
  chooseView("tables");
  const found = find(`table-${name}`);
  found.open = true;
  found.scrollIntoView({ block: "start" });
}
