"""Plain text, one sentence a line: reading it, and the corpus made from a folder of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import aliases
from lrp2_bench.data.corpus import Corpus, usable
from lrp2_bench.data.encoding import Utf8Lines

NOT_UTF8 = "Corpus line is not UTF-8 and was left out"
NUL = "Corpus line holds a NUL byte and was left out"
TOO_FEW = "Corpus has fewer sentences than asked"

#: The longest line in bytes; a longer one is a file without line breaks, not a sentence.
LONGEST_LINE = 1 << 20


class TextCorpus(Corpus):
    """``DIR/LANG.txt``: UTF-8 with or without a byte order mark, one sentence a line.

    ``path`` is DIR, ``sentences`` the number wanted (None: all). ``parallel`` says that line k of every file translates
    line k of the others. ``cache`` is taken and not needed, so that every corpus is built the same way. Raises
    :class:`BenchError` where ``path`` is not given or no folder.
    """

    name = "text"

    def __init__(
        self,
        path: str | None = None,
        sentences: int | None = None,
        cache: str | Path | None = None,
        parallel: bool = False,
    ) -> None:
        if not path:
            raise BenchError("corpus=text needs a folder with one LANG.txt a language: pass corpus.path=DIR.")
        self.count = checked_count(sentences)
        if not isinstance(parallel, bool):  # YAML 1.2 reads no and off as texts
            raise BenchError(f"corpus.parallel={parallel}: give true or false.")
        self._parallel = parallel
        self._folder = Path(path).expanduser()
        if not self._folder.is_dir():
            raise BenchError(
                f"corpus.path: there is no folder '{path}'. It should hold LANG.txt (de.txt, en.txt, ...) with one "
                "sentence a line."
            )

    def languages(self) -> tuple[str, ...]:
        """The languages there are files for, sorted."""
        return tuple(sorted(path.stem for path in self._folder.glob("*.txt") if path.is_file()))

    def sentences(self, language: str, data_warnings: DataWarnings) -> list[str]:
        with self._open(language) as file:
            lines = text_lines(file, str(self._file(language)), data_warnings)
            return first_usable(lines, self.count, language, str(self._file(language)), data_warnings)

    def parallel_languages(self) -> tuple[str, ...]:
        return self.languages() if self._parallel else ()

    def translations(self, language: str, pivot: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        if not self._parallel:
            return super().translations(language, pivot, data_warnings)
        sides = []
        for code in (language, pivot):
            with self._open(code) as file:
                sides.append(list(decoded_lines(file, str(self._file(code)), data_warnings)))
        if len(sides[0]) != len(sides[1]):
            raise BenchError(
                f"'{self._file(language)}' has {len(sides[0])} lines and '{self._file(pivot)}' has {len(sides[1])}: "
                "with corpus.parallel=true line k of each says the same. Give all files as many lines, blank ones "
                "where a translation is missing."
            )
        return [(ours, theirs) for ours, theirs in zip(*sides, strict=True) if ours is not None and theirs is not None]

    def _file(self, language: str) -> Path:
        return self._folder / f"{language}.txt"

    @contextmanager
    def _open(self, language: str) -> Iterator[IO[bytes]]:
        """Raises :class:`BenchError` where the file is missing or fails while it is read."""
        known = self.languages()
        path = self._file(language)
        if language not in known:
            hint = f"Put one sentence a line into '{path}'."
            raise UnknownNameError(f"language of the corpus in '{self._folder}'", language, known, hint, aliases())
        try:
            with path.open("rb") as file:
                yield file
        except OSError as error:
            raise BenchError(f"Cannot read '{path}': {error.strerror}.") from error


def checked_count(sentences: int | None) -> int | None:
    """``corpus.sentences``, refused where it is not a whole number from 1."""
    if sentences is None or (isinstance(sentences, int) and not isinstance(sentences, bool) and sentences >= 1):
        return sentences
    raise BenchError(f"corpus.sentences={sentences}: give a whole number from 1, or null for all sentences.")


def text_lines(file: IO[bytes], source: str, data_warnings: DataWarnings) -> Iterator[str]:
    """The lines of :func:`decoded_lines` that are text."""
    return (line for line in decoded_lines(file, source, data_warnings) if line is not None)


def decoded_lines(file: IO[bytes], source: str, data_warnings: DataWarnings) -> Iterator[str | None]:
    r"""The lines of a UTF-8 file, cut at ``\n`` only, since U+2028 and its like occur inside sentences.

    A line of other bytes is left out (None) and counted: its letters are lost, and what stood in for them would enter
    the language's vector; so is one with a NUL byte, which is not text. Raises :class:`BenchError` for a file in
    another encoding, where more than a tenth of the lines is lost, for one whose only line ends are ``\r``, and for
    lines of more than :data:`LONGEST_LINE` bytes.
    """
    reader = Utf8Lines(source)
    while line := file.readline(LONGEST_LINE):
        text = reader.decode(line)
        # Lines are not cut at \r as well: inside a file with other line ends it is part of a sentence, or of a line
        # that has to stay beside its translation.
        if reader.number == 1 and not line.endswith(b"\n") and b"\r" in line.rstrip(b"\r"):
            raise BenchError(
                f"'{source}' ends its lines with carriage returns (\\r), as old Macs did, and never with \\n, so that "
                "the whole file would be one sentence.\nConvert it: tr '\\r' '\\n' < OLD > NEW."
            )
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise BenchError(
                f"Line {reader.number} of '{source}' has more than {LONGEST_LINE:,} bytes. A corpus holds one sentence "
                "a line."
            )
        if text is None or "\0" in text:
            data_warnings.add(NOT_UTF8 if text is None else NUL, f"{source}:{reader.number}")
            text = None
        yield text
    reader.finish()


def first_usable(
    lines: Iterable[str], count: int | None, language: str, source: str, data_warnings: DataWarnings
) -> list[str]:
    """The first ``count`` usable sentences (None: all); too few are counted, none raise :class:`BenchError`."""
    found = list(islice(usable(lines), count if count is None else min(count, sys.maxsize)))
    if not found:
        raise BenchError(
            f"'{source}' holds no usable sentence of language '{language}': after blank lines, lines without a letter "
            "and lines that are not UTF-8 nothing is left. Pass another corpus with corpus.path."
        )
    if count is not None and len(found) < count:
        data_warnings.add(TOO_FEW, f"{language}: {len(found)} of {count}")
    return found
