"""What a corpus of sentences must offer; one file per source implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError


class Corpus(ABC):
    """Plain sentences of a language, from which its vectors are computed.

    ``name`` goes into file names and W&B; ``count`` is the number of sentences wanted (None: all there are).
    """

    name: str
    count: int | None

    @classmethod
    def example(cls, folder: Path) -> dict[str, Any]:
        """Options of a small source, written to ``folder``, on which tests/contract tries the class: two German
        sentences or more. Nothing to be written, where it is made without options."""
        return {}

    def parallel_languages(self) -> tuple[str, ...]:
        """The codes of the languages whose sentences it pairs with another's, sorted; most sources pair none."""
        return ()

    def translations(self, language: str, pivot: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        """(sentence of ``language``, its translation in ``pivot``), in the source's order and unfiltered.

        Raises :class:`~lrp2_bench.core.errors.BenchError` where the source pairs no sentences, or not these languages'.
        """
        raise BenchError(
            f"corpus={self.name} does not say which of its sentences translate each other. Pass corpus=opus100, "
            "corpus=tatoeba corpus.path=ZIP_OR_DIR, your own by corpus=text corpus.path=DIR corpus.parallel=true (line "
            "k of every DIR/LANG.txt says the same), or take the dataset's: analysis.sentences=facts."
        )

    @abstractmethod
    def sentences(self, language: str, data_warnings: DataWarnings) -> list[str]:
        """The first ``count`` usable sentences of ``language``, in the source's order, deterministic.

        Fewer than ``count`` is a counted warning in ``data_warnings``; none at all, a missing file or a language the
        source lacks raises :class:`~lrp2_bench.core.errors.BenchError` that says what there is and what to do next.
        """


def usable(lines: Iterable[str]) -> Iterator[str]:
    """The filter of every source: stripped, without blanks, repeats and lines without a letter."""
    seen: set[str] = set()
    for line in lines:
        sentence = " ".join(line.split())
        if sentence and sentence not in seen and any(character.isalpha() for character in sentence):
            seen.add(sentence)
            yield sentence
