"""Facts of any dataset written as a table of one's own, and small tables by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.table.dataset import TableDataset

FACTS = "fact,relation,language,subject,object"
TEMPLATES = "relation,language,template"


def table_of(dataset: Dataset, languages: Sequence[str], folder: Path) -> Path:
    """``folder`` with the facts of ``languages``, under the dataset's line ids and ids of entities."""
    facts, templates = [], []
    for language in languages:
        for relation in dataset.facts(language, language, DataWarnings()).relations:
            templates.append([relation.name, language, relation.template])
            facts += [
                [fact.line_id, relation.name, language, fact.subject, fact.object, fact.subject_id, fact.object_id]
                for fact in relation.facts
            ]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "facts.csv", [*FACTS.split(","), "subject_id", "object_id"], facts)
    _write(folder / "templates.csv", TEMPLATES.split(","), templates)
    return folder


def write_table(
    folder: Path,
    facts: str,
    templates: str = "",
    candidates: str = "",
    head: str = FACTS,
    candidates_head: str = "relation,language,object",
) -> Path:
    """``folder`` with these rows below the usual headers; files without rows are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = (("facts", head, facts), ("templates", TEMPLATES, templates), ("candidates", candidates_head, candidates))
    for name, header, rows in parts:
        if rows:
            text = header + "\n" + "\n".join(line.strip() for line in rows.strip().splitlines()) + "\n"
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


CAPITALS = """
    1,capital,en,Peru,Lima
    2,capital,en,Mali,Bamako
    3,capital,en,Nepal,Kathmandu
    1,capital,de,Peru,Lima
    2,capital,de,Mali,Bamako
"""
WORDINGS = """
    capital,en,The capital of [X] is [Y].
    capital,de,Die Hauptstadt von [X] ist [Y].
"""


def table(
    folder: Path, facts: str = CAPITALS, templates: str = WORDINGS, candidates: str = "", **more: str
) -> TableDataset:
    return TableDataset(write_table(folder, facts, templates, candidates, **more))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
