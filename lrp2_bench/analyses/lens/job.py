"""``analysis=lens``: at which layer the answer appears, in the language's own words or in the pivot's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from lrp2_bench.analyses.base import AnalysisResult, LanguageAnalysis
from lrp2_bench.analyses.lens.compute import CLUSTERS, Lensed, lens, summarised
from lrp2_bench.analyses.lens.figure import lens_by_layer
from lrp2_bench.analyses.lens.prompts import LensPrompt, lens_prompts
from lrp2_bench.analyses.lens.table import lens_details, lens_tables
from lrp2_bench.analyses.parallel import check_choice, check_number
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError
from lrp2_bench.stats.clusters import Clusters, clusters_of

#: The fewest facts that bands are given for.
FEWEST = 10

NO_PAIR = "Languages without a finished search here, or pair=[LIRP,LSRP], are shown for the baseline only"


class Lens(LanguageAnalysis[Lensed]):
    """See ``conf/analysis/lens.yaml`` for the settings."""

    name: ClassVar[str] = "lens"
    kind = Lensed

    def __init__(self, limit: int | None = 2000, resamples: int = 1000, clusters: str = "subject") -> None:
        check_number("analysis.limit", limit, FEWEST, none="all")
        check_number("analysis.resamples", resamples, 100)
        self._clusters = check_choice("analysis.clusters", clusters, CLUSTERS)
        self._limit, self._resamples = limit, resamples

    def measure(self, subject: Subject) -> Iterator[Lensed]:
        known = subject.dataset.languages()
        languages = subject.languages([code for code in subject.searched_languages() if code in known] or known)
        subject.require_languages([*languages, subject.pivot], known, "the dataset", "Set language.")
        if subject.model.family == "seq2seq":
            raise BenchError(
                "analysis=lens reads every block's state through the head, and an encoder-decoder's blocks that LRP2 "
                "acts on are its encoder's, which no head reads.\nChoose a masked or causal model."
            )
        for language in languages:
            yield self._one(subject, language)

    def show(self, subject: Subject, found: Sequence[Lensed]) -> AnalysisResult:
        model, pivot = subject.model_name, subject.pivot
        return AnalysisResult(
            lens_tables(found, model, pivot, self._clusters),
            {f"lens_{model}": lambda: lens_by_layer(found, model, pivot)},
            _summary(found),
            (lens_details(found, model, pivot),),
        )

    def _one(self, subject: Subject, language: str) -> Lensed:
        facts = subject.dataset.facts(language, subject.pivot, subject.data_warnings)
        prompts = lens_prompts(subject.model, facts, subject.data_warnings)
        if self._limit is not None and len(prompts) > self._limit:
            rng = np.random.default_rng(subject.settings.seed)
            prompts = [prompts[place] for place in np.sort(rng.permutation(len(prompts))[: self._limit])]
        if len(prompts) < FEWEST:
            raise BenchError(
                f"'{language}' and '{subject.pivot}' have {len(prompts)} facts that a lens can look at (their objects "
                f"differ in a token); at least {FEWEST} are needed. Take more facts, or leave it out."
            )
        pair = subject.pair(language)
        if pair is None:
            subject.data_warnings.add(NO_PAIR, language)
        edits = (subject.edit(language), subject.random_edit(language)) if pair is not None else None
        values = lens(subject.model, language, prompts, pair, edits, batch_tokens=subject.batch_tokens)
        return summarised(language, pair, values, self._clusters_of(prompts), self._resamples, subject.settings.seed)

    def _clusters_of(self, prompts: Sequence[LensPrompt]) -> Clusters:
        if self._clusters == "fact":
            return clusters_of([str(place) for place in range(len(prompts))])
        return clusters_of([f"{self._clusters} {getattr(prompt, self._clusters)}" for prompt in prompts])


def _summary(found: Sequence[Lensed]) -> dict[str, float]:
    """Means over languages: the own object at the last layer, the pivot's at its highest, and how LRP2 changes them."""
    peaks = [int(np.nanargmax(one.bands[0, 1, :, 0])) for one in found]
    summary = {
        "own": float(np.mean([one.bands[0, 0, -1, 0] for one in found])),
        "pivot_highest": float(np.mean([one.bands[0, 1, peak, 0] for one, peak in zip(found, peaks, strict=True)])),
    }
    changes = [(one.change, peak) for one, peak in zip(found, peaks, strict=True) if one.change is not None]
    if changes:
        summary["own_change"] = float(np.mean([change[0, -1, 0] for change, _ in changes]))
        summary["pivot_change"] = float(np.mean([change[1, peak, 0] for change, peak in changes]))
    return summary
