"""What a report's folder holds, and where: index and page on top, tables to read, figures, and data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem
from lrp2_bench.render.write import write_table

INDEX, PAGE = "index.md", "index.html"
RESULTS = "results"
#: Folders: tables as Markdown and LaTeX, figures as PNG and PDF, the tables once more as CSV.
TABLES, FIGURES, DATA = "tables", "figures", "data"

_TO_READ, _FOR_PROGRAMS = ("md", "tex"), ("csv",)
#: What earlier versions called the page.
_FORMER_PAGE = "page.html"


def write_tables(tables: Iterable[Table], folder: Path, forms: Sequence[str] = _TO_READ) -> list[Path]:
    """Write each as ``folder/tables/NAME.md`` and ``.tex`` (or those of ``forms``) and ``folder/data/NAME.csv``; the
    paths. A table without rows is not written, and one that an earlier report wrote under its name is removed."""
    written: list[Path] = []
    for table in tables:
        if table.rows:
            written += write_table(table, folder / TABLES, forms) + write_table(table, folder / DATA, _FOR_PROGRAMS)
            continue
        for place, endings in ((TABLES, _TO_READ), (DATA, _FOR_PROGRAMS)):
            for ending in endings:
                (folder / place / f"{file_stem(table.name)}.{ending}").unlink(missing_ok=True)
    return written


def remove_former(folder: Path) -> list[Path]:
    """Remove what versions before the folder had folders wrote: three forms of each table, and the page, side by side.
    Other files stay. The paths removed."""
    former = [folder / _FORMER_PAGE] if (folder / _FORMER_PAGE).is_file() else []
    for markdown in sorted(folder.glob("*.md")):
        forms = [markdown.with_suffix(f".{form}") for form in (*_TO_READ, *_FOR_PROGRAMS)]
        if all(path.is_file() for path in forms) and markdown.read_bytes().startswith(b"## "):
            former += forms
    for path in former:
        path.unlink()
    return former


def report_files(folder: Path) -> list[Path]:
    """The data, figures and page that lie in a report's folder."""
    found = [
        folder / f"{RESULTS}.csv",
        *sorted((folder / DATA).glob("*.csv")),
        *sorted((folder / FIGURES).glob("*.png")),
        folder / PAGE,
    ]
    return [path for path in found if path.is_file()]
