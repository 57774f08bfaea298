"""Files of tab-separated cells, a row a line, read with the quotes that spreadsheets put around some cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.encoding import NOT_UTF8_LINES, Utf8Lines, too_many, unreadable
from lrp2_bench.data.filetree import FileTree

TRIMMED = "Cells with blanks around their text were trimmed"


class TabLines:
    r"""Iterates over (line number, cells) of a file's lines that are not blank, the header among them.

    Every line is read by itself, so that one quote too many does not swallow the rows behind it: rows are joined across
    languages by their place. Raises :class:`BenchError` for a file that is not UTF-8, and after the last line where
    more than a tenth of the lines were skipped.
    """

    def __init__(self, tree: FileTree, path: PurePosixPath, data_warnings: DataWarnings) -> None:
        self.path, self._tree, self._data_warnings = path, tree, data_warnings
        self._number = self._lines = 0
        self._skipped: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        source = self._tree.source(self.path)
        reader = Utf8Lines(source)
        for line in io.BytesIO(self._tree.read(self.path)):
            text = reader.decode(line)
            self._number = reader.number
            if text is None:
                self._lines += 1
                self.skip(NOT_UTF8_LINES, reader.cause())
            elif text.strip():
                self._lines += 1
                yield self._number, self._cells(text.rstrip("\r\n"))
        reader.finish()
        if too_many(len(self._skipped), self._lines):
            raise unreadable(source, len(self._skipped), self._lines, self._skipped)

    @property
    def place(self) -> str:
        return f"{self.path} line {self._number}"

    def skip(self, kind: str, cause: str) -> None:
        """Count the line that was read last as one that cannot be used, under ``kind`` and for this ``cause``."""
        self._data_warnings.add(kind, self.place)
        self._skipped.append(f"line {self._number}: {cause}")

    def header(self, cells: list[str], wanted: str) -> BenchError:
        """The error of a file whose first line does not name the columns ``wanted``."""
        return BenchError(
            f"'{self._tree.source(self.path)}' line {self._number}: the header is '{' | '.join(cells)}', "
            f"but has the columns {wanted}, with tabs between them."
        )

    def _cells(self, text: str) -> list[str]:
        try:
            [cells] = csv.reader([text], delimiter="\t", strict=True)
        except (csv.Error, ValueError):  # a quote that belongs to the text
            cells = text.split("\t")
        trimmed = [cell.strip() for cell in cells]
        if trimmed != cells:
            self._data_warnings.add(TRIMMED, self.place)
        return trimmed
