"""Monolingual sentences of the embedded testbed, for language vectors without a download."""

from __future__ import annotations

import random
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.languages import LANGUAGES, aliases
from lrp2_bench.data.cldr.sentences import all_facts, fact_sentences, name_sentences
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.text import checked_count, first_usable


class CldrCorpus(Corpus):
    """A seeded sample of the testbed's sentences: all facts in all wordings and all names.

    Which facts a model saw plays no part: a language vector is a mean over sentences, and every language's sample is
    drawn alike. ``sentences`` is their number (None: all, about 6,000 a language); ``cache`` is taken and not needed,
    so that every corpus is built the same way.
    """

    name = "cldr"

    def __init__(self, sentences: int | None = 1000, seed: int = 0, cache: str | Path | None = None) -> None:
        self.count = checked_count(sentences)
        self._seed = seed

    def parallel_languages(self) -> tuple[str, ...]:
        return tuple(sorted(LANGUAGES))

    def translations(self, language: str, pivot: str, data_warnings: DataWarnings) -> list[tuple[str, str]]:
        """Every name that both languages have, in a sentence that says what it is; no sentence states a fact."""
        sides = [{s.entity: s.text for s in name_sentences(self._known(code))} for code in (language, pivot)]
        return [(text, sides[1][entity]) for entity, text in sides[0].items() if entity in sides[1]]

    def sentences(self, language: str, data_warnings: DataWarnings) -> list[str]:
        self._known(language)
        texts = [s.text for s in (*fact_sentences(language, all_facts()), *name_sentences(language))]
        random.Random(f"{self._seed}:{language}").shuffle(texts)
        return first_usable(texts, self.count, language, "CLDR", data_warnings)

    def _known(self, language: str) -> str:
        if language not in LANGUAGES:
            raise UnknownNameError("language", language, LANGUAGES, "These are the corpus's.", aliases())
        return language
