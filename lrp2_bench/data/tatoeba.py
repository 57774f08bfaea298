"""LASER's Tatoeba sets: up to 1,000 sentences a language, each beside its English translation.

Source: https://github.com/facebookresearch/LASER/tree/main/data/tatoeba/v1 (CC BY 2.0 FR; Artetxe and Schwenk 2019).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES, aliases
from lrp2_bench.data.bitext import through_english
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.encoding import decode_text
from lrp2_bench.data.filetree import FileTree, open_tree
from lrp2_bench.data.text import checked_count, first_usable, text_lines

_ENGLISH = "en"
_FILE = re.compile(r"tatoeba\.(?P<pair>[a-z]{3})-eng\.(?P<side>[a-z]{3})")
_SOURCE = "https://github.com/facebookresearch/LASER (data/tatoeba)"


class TatoebaCorpus(Corpus):
    """``tatoeba.deu-eng.{deu,eng}`` and the like, anywhere in a zip or folder (``path``).

    Languages go by the benchmark's codes (``de``); one the benchmark does not know goes by its ISO 639-3 code.
    English is what all ``*.eng`` files hold, file by file in the order of their names, repeats left out.
    ``sentences`` is the number wanted (None: all); ``cache`` is taken and not needed. Raises :class:`BenchError`
    where ``path`` is missing, damaged, or holds no such file.
    """

    name = "tatoeba"

    def __init__(self, path: str | None = None, sentences: int | None = None, cache: str | Path | None = None) -> None:
        if not path:
            raise BenchError(f"corpus=tatoeba needs a copy of {_SOURCE}: pass corpus.path=ZIP_OR_DIR.")
        self.count = checked_count(sentences)
        self._path = Path(path).expanduser()

    def languages(self) -> tuple[str, ...]:
        """The codes of the languages there are, English among them, sorted."""
        return tuple(sorted({*self._pairs, _ENGLISH}))

    def sentences(self, language: str, data_warnings: DataWarnings) -> list[str]:
        paths = [english for _, english in self._pairs.values()] if language == _ENGLISH else [self._pair(language)[0]]
        lines = self._lines(sorted(paths, key=lambda path: path.name), data_warnings)
        return first_usable(lines, self.count, language, str(self._path), data_warnings)

    def parallel_languages(self) -> tuple[str, ...]:
        return self.languages()

    def translations(self, language: str, pivot: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        """With English the pairs as they are; two others' sentences are joined where their English side is the same."""
        return through_english(self.pairs, language, pivot)

    def pairs(self, language: str) -> list[tuple[str, str]]:
        """All translations, (sentence of ``language``, English sentence), in the order of the files and unfiltered.

        Line k of one file translates line k of the other, so nothing is left out. Raises :class:`BenchError` where the
        files differ in length or are not UTF-8, and for English.
        """
        if language == _ENGLISH:
            raise BenchError("Tatoeba pairs each language with English; ask for the pairs of another language.")
        path, english = self._pair(language)
        sides = [self._whole(path), self._whole(english)]
        if len(sides[0]) != len(sides[1]):
            raise BenchError(
                f"'{path}' has {len(sides[0])} lines and '{english}' has {len(sides[1])}: they cannot be translations "
                f"of each other line by line. Fetch '{self._path}' again from {_SOURCE}."
            )
        return list(zip(*sides, strict=True))

    @cached_property
    def _tree(self) -> FileTree:
        return open_tree(self._path, "corpus.path")

    @cached_property
    def _pairs(self) -> dict[str, tuple[PurePosixPath, PurePosixPath]]:
        """Our code -> (the language's file, its English side), for every pair of which both are there."""
        files: dict[tuple[str, str], PurePosixPath] = {}
        for path in self._tree.paths():
            if match := _FILE.fullmatch(path.name):
                files.setdefault((match["pair"], match["side"]), path)
        codes = {language.iso639_3: code for code, language in LANGUAGES.items()}
        pairs = {
            codes.get(pair, pair): (path, files[pair, "eng"])
            for (pair, side), path in files.items()
            if side == pair != "eng" and (pair, "eng") in files
        }
        if not pairs:
            raise BenchError(
                f"'{self._path}' holds no pair of files tatoeba.LANG-eng.LANG and tatoeba.LANG-eng.eng. "
                f"They come from {_SOURCE}."
            )
        return pairs

    def _pair(self, language: str) -> tuple[PurePosixPath, PurePosixPath]:
        if language not in self._pairs:
            what = f"language of Tatoeba in '{self._path}'"
            hint = "For other languages pass sentences of your own: corpus=text corpus.path=DIR with DIR/LANG.txt."
            raise UnknownNameError(what, language, self.languages(), hint, aliases())
        return self._pairs[language]

    def _lines(self, paths: list[PurePosixPath], data_warnings: DataWarnings) -> Iterator[str]:
        for path in paths:
            yield from text_lines(io.BytesIO(self._tree.read(path)), self._tree.source(path), data_warnings)

    def _whole(self, path: PurePosixPath) -> list[str]:
        text = decode_text(self._tree.read(path), self._tree.source(path))
        return [line.strip() for line in text.removesuffix("\n").split("\n")]
