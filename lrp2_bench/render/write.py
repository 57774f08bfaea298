"""A table as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lrp2_bench.core.files import write_text
from lrp2_bench.render.latex import to_latex
from lrp2_bench.render.plain import to_csv, to_markdown
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem

_FORMS = {"md": to_markdown, "csv": to_csv, "tex": to_latex}


def write_table(table: Table, folder: Path, forms: Sequence[str] = tuple(_FORMS)) -> list[Path]:
    """Write ``folder/NAME.md``, ``.csv`` and ``.tex``, or those of ``forms``, each whole or not at all; their paths."""
    paths = [folder / f"{file_stem(table.name)}.{form}" for form in forms]
    for path, form in zip(paths, forms, strict=True):
        write_text(path, _FORMS[form](table))
    return paths
