"""A file of JSON objects, one a line: what cannot be read is skipped and counted, and too much of it is an error."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.encoding import NOT_UTF8_LINES, Utf8Lines, too_many, unreadable
from lrp2_bench.data.filetree import FileTree

NOT_JSON = "Lines that are not JSON were skipped"
NO_OBJECT = "Lines that are no JSON objects were skipped"


class JsonLines:
    r"""Iterates over (place, object) of a file's lines, which end at ``\n`` alone: labels may hold U+2028.

    A line that its user can make nothing of is given back by :meth:`skip`. Raises :class:`BenchError` for a file that
    is not UTF-8, and after the last line where more than a tenth of the lines that are not blank were skipped.
    """

    def __init__(self, tree: FileTree, path: PurePosixPath, data_warnings: DataWarnings) -> None:
        self._tree, self._path, self._data_warnings = tree, path, data_warnings
        self._number = self._lines = 0
        self._skipped: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        source = self._tree.source(self._path)
        reader = Utf8Lines(source)
        data = self._tree.read(self._path)
        for line in io.BytesIO(data):
            text = reader.decode(line)
            self._number = reader.number
            if text is None:
                self._lines += 1
                self.skip(NOT_UTF8_LINES, reader.cause())
            elif text.strip():
                self._lines += 1
                row = self._parse(text.rstrip("\r\n"))
                if row is not None:
                    yield self.place, row
        reader.finish()
        if too_many(len(self._skipped), self._lines):
            self._refuse_one_value(data, source)
            raise unreadable(source, len(self._skipped), self._lines, self._skipped)

    @property
    def place(self) -> str:
        return f"{self._path} line {self._number}"

    def skip(self, kind: str, cause: str) -> None:
        """Count the line that was read last as one that cannot be used, under ``kind`` and for this ``cause``."""
        self._data_warnings.add(kind, self.place)
        self._skipped.append(f"line {self._number}: {cause}")

    def _parse(self, text: str) -> dict[str, Any] | None:
        try:
            row = json.loads(text)
            if "\\ud" in text.lower():  # JSON can spell half a surrogate pair, which no UTF-8 file can hold
                json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            self.skip(NOT_JSON, "half a surrogate pair (\\ud...) is not a character")
        except json.JSONDecodeError as error:
            self.skip(NOT_JSON, f"not JSON: {error.msg} at column {error.colno}")
        except (ValueError, RecursionError) as error:  # numbers of thousands of digits; thousands of brackets
            self.skip(NOT_JSON, f"not JSON: {str(error).partition(';')[0]}")
        else:
            if isinstance(row, dict):
                return row
            self.skip(NO_OBJECT, f"no JSON object, but {_kind_of(row)}")
        return None

    def _refuse_one_value(self, data: bytes, source: str) -> None:
        """A better word for the file that is one JSON value over many lines."""
        try:
            whole = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return
        if isinstance(whole, (dict, list)):
            query = ".[]" if isinstance(whole, list) else "."
            raise BenchError(
                f"'{source}' line 1: the file is {_kind_of(whole)} as a whole, but holds one object a line.\n"
                f"Convert it: jq -c '{query}' OLD > NEW."
            )


def _kind_of(value: object) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
