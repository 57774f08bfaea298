"""``analysis=alignment``: similarity of parallel sentences at every layer, baseline and LRP2 (paper, Figure 2a)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from lrp2_bench.analyses.alignment.compute import FEWEST, Aligned, Effort, align
from lrp2_bench.analyses.alignment.figure import aligned_by_layer
from lrp2_bench.analyses.alignment.table import alignment_tables, layer_details
from lrp2_bench.analyses.base import AnalysisResult, LanguageAnalysis
from lrp2_bench.analyses.encode import POOLINGS, encode
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
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.render.figures.by_layer import Line, Panel
from lrp2_bench.render.figures.style import BLUE, GREY, ORANGE, language_name, shown
from lrp2_bench.stats.weighted import Floats

#: Halves of the sentences CKA's error is taken from.
HALVES = 200

NO_PAIR = "Languages without a finished search here, or pair=[LIRP,LSRP], are shown for the baseline only"


class Alignment(LanguageAnalysis[Aligned]):
    """See ``conf/analysis/alignment.yaml`` for the settings."""

    name: ClassVar[str] = "alignment"
    kind = Aligned

    def __init__(
        self,
        sentences: str = "facts",
        pooling: str = "mean",
        limit: int | None = 2000,
        resamples: int = 1000,
        cka_sentences: int = 1000,
    ) -> None:
        self._source = check_source(sentences)
        self._pooling = check_choice("analysis.pooling", pooling, POOLINGS)
        if self._source == "corpus" and self._pooling == "scored":
            raise BenchError(
                "Only a query has places at which its object is scored: set analysis.sentences=facts or "
                "analysis.pooling=mean."
            )
        check_number("analysis.limit", limit, FEWEST, none="all")
        check_number("analysis.resamples", resamples, 100)
        check_number("analysis.cka_sentences", cka_sentences, FEWEST)
        self._limit, self._resamples, self._cka_sentences = limit, resamples, cka_sentences

    def measure(self, subject: Subject) -> Iterator[Aligned]:
        bitexts = parallel_sentences(subject, self._source, self._limit, FEWEST)
        effort = Effort(self._resamples, self._cka_sentences, HALVES, subject.settings.seed)
        bank = pivot_bank(subject, len(bitexts))
        for bitext in bitexts:
            encoded = encode(
                subject.model, bitext, self._pooling, subject.data_warnings, subject.settings.projection.tokens
            )
            if len(encoded) < FEWEST:
                raise too_few(bitext, len(encoded), FEWEST)
            pair = subject.pair(bitext.language)
            if pair is None:
                subject.data_warnings.add(NO_PAIR, bitext.language)
            yield align(
                subject.model,
                bitext.language,
                [(ours, theirs) for _, ours, theirs in encoded],
                sentence_clusters([bitext.pairs[number] for number, _, _ in encoded]),
                bank,
                pair,
                subject.edit(bitext.language) if pair is not None else None,
                effort,
                batch_tokens=subject.batch_tokens,
                control=subject.random_edit(bitext.language) if pair is not None else None,
            )

    def show(self, subject: Subject, found: Sequence[Aligned]) -> AnalysisResult:
        what = f"{'queries' if self._source == 'facts' else 'sentences'} of {source_name(subject, self._source)}"
        how = "mean over tokens" if self._pooling == "mean" else "mean over the positions that score the object"
        if self._pooling == "mean" and subject.settings.projection.tokens is not ProjectionTokens.all:
            how += f" ({subject.settings.projection.tokens.value} alone)"
        model = subject.model_name
        return AnalysisResult(
            alignment_tables(found, model, subject.pivot, what, how),
            {f"alignment_{model}": lambda: _figure(found, model, subject.pivot, what, how)},
            _summary(found),
            (layer_details(found, model, subject.pivot),),
        )


def _summary(found: Sequence[Aligned]) -> dict[str, float]:
    """Means over languages, of the layers between LIRP and LSRP."""
    moved = [one for one in found if one.pair is not None]
    summary = {"cosine": float(np.mean([one.inside[0, 0] for one in found]))}
    if moved:
        summary["cosine_lrp2"] = float(np.mean([one.inside[1, 0] for one in moved]))
        summary["cosine_change"] = float(np.mean([one.inside[2, 0] for one in moved]))
    return summary


def _figure(found: Sequence[Aligned], model: str, pivot: str, what: str, how: str) -> Figure:
    moved = any(one.pair is not None for one in found)
    subtitle = (
        f"{shown(model, 60)}: {shown(what, 60)} in the language and in {language_name(pivot)}, {how}"
        f"{', baseline and with LRP2' if moved else ''}. Cosine of the two states, linear CKA, and MEXA (in percent); "
        "bands hold 95 %. Layer 0 is the embedding."
    )
    measures = [
        ("cosine", [_panel(one, one.cosine) for one in found]),
        ("CKA", [_panel(one, one.cka) for one in found]),
        ("MEXA", [_panel(one, one.mexa) for one in found]),
    ]
    return aligned_by_layer("Similarity of parallel sentences, layer by layer", subtitle, measures)


def _panel(one: Aligned, bands: Floats) -> Panel:
    lines = []
    runs = (("baseline", GREY), ("with LRP2", BLUE), ("random shift", ORANGE))
    for run, (label, colour) in enumerate(runs[: len(bands)]):
        value, low, high = (part.tolist() for part in bands[run].T)
        lines.append(Line(label, colour, value, low, high, dashed=run != 1))
    return Panel(language_name(one.language), tuple(lines), (one.pair.lirp, one.pair.lsrp) if one.pair else ())
