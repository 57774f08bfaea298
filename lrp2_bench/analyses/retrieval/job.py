"""``analysis=retrieval``: how many translations are found by their states, layer by layer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from lrp2_bench.analyses.base import AnalysisResult, LanguageAnalysis
from lrp2_bench.analyses.encode import encode
from lrp2_bench.analyses.parallel import (
    check_choice,
    check_number,
    check_source,
    parallel_sentences,
    pivot_bank,
    sentence_clusters,
    source_name,
    too_few,
)
from lrp2_bench.analyses.retrieval.compute import Parallel, by_layer, mexa_by_layer, number_distinct, unambiguous
from lrp2_bench.analyses.retrieval.figure import retrieval_by_layer
from lrp2_bench.analyses.retrieval.table import VARIANTS, Found, mexa_details, retrieval_details, retrieval_tables
from lrp2_bench.analyses.states import Encoded, StateBank, pooled_states
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.progress import progress
from lrp2_bench.data.bitext import Bitext
from lrp2_bench.render.figures.by_layer import Line, Panel
from lrp2_bench.render.figures.style import BLUE, GREY, language_name, shown

log = logging.getLogger(__name__)

#: The fewest sentences of a side that shares are given of.
FEWEST = 10

#: What is removed: language vectors, or the means of the very sentences that are looked at.
VECTORS = ("corpus", "sentences")

REPEATED = "Sentences that occur more than once on their side are one candidate, right for each of their translations"
SAME_TOKENS = "Sentences with the same tokens as another: they have the same states, and one of them is not found"


class Retrieval(LanguageAnalysis[Found]):
    """See ``conf/analysis/retrieval.yaml`` for the settings."""

    name: ClassVar[str] = "retrieval"
    kind = Found

    def __init__(
        self, sentences: str = "corpus", limit: int | None = 1000, neighbours: int = 4, vectors: str = "corpus"
    ) -> None:
        self._source = check_source(sentences)
        self._vectors = check_choice("analysis.vectors", vectors, VECTORS)
        check_number("analysis.neighbours", neighbours, 1)
        self._fewest = max(FEWEST, neighbours)
        check_number("analysis.limit", limit, self._fewest, none="all")
        self._limit, self._k = limit, neighbours

    def measure(self, subject: Subject) -> Iterator[Found]:
        bitexts = parallel_sentences(subject, self._source, self._limit, self._fewest)
        bank = pivot_bank(subject, len(bitexts))
        for bitext in bitexts:
            yield self._one(subject, bitext, bank)

    def show(self, subject: Subject, found: Sequence[Found]) -> AnalysisResult:
        what = f"{'queries' if self._source == 'facts' else 'sentences'} of {source_name(subject, self._source)}"
        model = subject.model_name
        return AnalysisResult(
            retrieval_tables(found, model, subject.pivot, what, self._k),
            {f"retrieval_{model}": lambda: _figure(found, model, subject.pivot, what)},
            {key: float(np.mean([one.best(place).value for one in found])) for place, (key, _) in enumerate(VARIANTS)},
            (retrieval_details(found, model, subject.pivot), mexa_details(found, model, subject.pivot)),
        )

    def _one(self, subject: Subject, bitext: Bitext, bank: StateBank) -> Found:
        model, data_warnings = subject.model, subject.data_warnings
        encoded = encode(model, bitext, "mean", data_warnings, subject.settings.projection.tokens)
        numbers: list[list[int]] = []
        chosen: list[list[Encoded]] = []
        for side, code in enumerate((bitext.language, bitext.pivot)):
            pairs = [bitext.pairs[number] for number, *_ in encoded]
            texts = [(pair.theirs if side else pair.ours).text for pair in pairs]
            of_side, first = number_distinct(texts)
            numbers.append(of_side)
            chosen.append([(encoded[place][2] if side else encoded[place][1]) for place in first])
            if len(first) < len(texts):
                data_warnings.add(REPEATED, f"{bitext.language}-{bitext.pivot}: {code}", len(texts) - len(first))
            if same := len(first) - len(set(chosen[side])):
                data_warnings.add(SAME_TOKENS, f"{bitext.language}-{bitext.pivot}: {code}", same)
        fewer = min(len(side) for side in chosen)
        if fewer < self._fewest:
            raise too_few(bitext, fewer, self._fewest)
        parallel = Parallel(len(chosen[0]), len(chosen[1]), tuple(dict.fromkeys(zip(*numbers, strict=True))))
        with progress(f"Retrieval {bitext.language}", sum(map(len, chosen)), "sentences") as advance:
            ours = pooled_states(model, chosen[0], batch_tokens=subject.batch_tokens, advance=advance)[0]
            theirs = bank(chosen[1], advance)
        if self._vectors == "corpus":
            vectors = subject.vectors(bitext.language).values, subject.vectors(bitext.pivot).values
        else:
            vectors = ours.mean(dim=1), theirs.mean(dim=1)
        shares = by_layer(ours, theirs, parallel, vectors, self._k, model.device)
        once = unambiguous(numbers)
        mexa = mexa_by_layer(
            ours[:, [numbers[0][place] for place in once]], theirs[:, [numbers[1][place] for place in once]], vectors,
            sentence_clusters([bitext.pairs[encoded[place][0]] for place in once]), subject.settings.seed, model.device,
        )  # fmt: skip
        return Found(bitext.language, parallel.ours, parallel.theirs, shares, len(once), mexa)


def _figure(found: Sequence[Found], model: str, pivot: str, what: str) -> Figure:
    subtitle = (
        f"{shown(model, 60)}: {shown(what, 60)} looked for among those of the other side, the language to "
        f"{language_name(pivot)} and back (the mean of both; bands hold 95 %), by their mean states. Layer 0 is the "
        "embedding."
    )
    return retrieval_by_layer(subtitle, [_panel(one) for one in found])


def _panel(one: Found) -> Panel:
    lines = []
    for variant, (_, label) in enumerate(VARIANTS):
        bands = [one.both(variant, layer) for layer in range(one.layers)]
        lines.append(
            Line(
                label, BLUE if variant >= 2 else GREY,
                [band.value for band in bands], [band.low for band in bands], [band.high for band in bands],
                dashed=variant % 2 == 0,
            )
        )  # fmt: skip
    return Panel(language_name(one.language), tuple(lines))
