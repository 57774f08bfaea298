"""Texts that come from data (folder names, messages, languages), made fit to be shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import file_name

_LONGEST_STEM = 150  # bytes of a file's name before its ending
LONGEST = 1000  # characters of one text; a message beyond that helps nobody in a table's note
#: Format characters that Persian, Hindi or Bengali cannot be written without.
_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def one_line(text: str, longest: int = LONGEST) -> str:
    """On one line, cut when endless; of control and format characters, among them those that reverse text, only
    joiners stay."""
    line = " ".join(text.split())
    shown = "".join("\N{REPLACEMENT CHARACTER}" if harmful(c) else c for c in line[: longest + 1])
    return shown if len(line) <= longest else shown[:longest] + "…"


def harmful(character: str) -> bool:
    """Whether it could disturb what stands around it."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in _JOINERS


def file_stem(name: str) -> str:
    """A table's or figure's ``name`` as a file's: it leads out of no folder, and no file system finds it too long."""
    return file_name(name, _LONGEST_STEM)


def require_apart(groups: Iterable[tuple[str, str]]) -> None:
    """Raises :class:`BenchError` where two (model, dataset) would share the names of their tables, MODEL_DATASET."""
    known: dict[str, tuple[str, str]] = {}
    for group in groups:
        other = known.setdefault(file_stem("_".join(group)), group)
        if other != group:
            (model, dataset), (model_, dataset_) = other, group
            raise BenchError(
                f"The tables of '{model}' on '{dataset}' and of '{model_}' on '{dataset_}' would have the same names. "
                "Name the folder of one of them alone, and another one for what is written: FOLDER output=OTHER."
            )
