"""``analysis=languages``: how a model's languages lie to each other, layer by layer (compare arXiv 2109.00271)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial.distance import pdist

from lrp2_bench.analyses.base import Analysis, AnalysisResult
from lrp2_bench.analyses.languages.agreement_figure import language_agreement
from lrp2_bench.analyses.languages.compute import Floats, cut, directions, distances, plane, tree
from lrp2_bench.analyses.languages.map_figure import language_map
from lrp2_bench.analyses.languages.partitions import FEWEST as FEWEST_OPTIMAL
from lrp2_bench.analyses.languages.partitions import Mantel, agreement, kinship, mantel
from lrp2_bench.analyses.languages.table import (
    DrawnLayer,
    LayerNumbers,
    agreement_table,
    family,
    languages_table,
    script,
)
from lrp2_bench.analyses.languages.tree_figure import language_tree
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.core.types import LayerPair

#: With three languages, any tree and any map say the same as the one shortest distance.
FEWEST = 4


class Languages(Analysis):
    """Clusters and maps of language vectors; their agreement with families, scripts and optimal layers.

    ``layers`` are drawn; null: the embedding, the middle and the last. ``permutations`` of a test.
    """

    name: ClassVar[str] = "languages"

    def __init__(self, layers: Sequence[int] | None = None, permutations: int = 9_999) -> None:
        if permutations < 99:
            raise BenchError(f"analysis.permutations={permutations} is too few for a p-value: 99 at least.")
        self.layers, self.permutations = layers, permutations

    def run(self, subject: Subject) -> AnalysisResult:
        asked = subject.languages(tuple(LANGUAGES))
        layers = self._layers(subject)
        codes = sorted([subject.pivot, *self._with_vectors(subject, asked)])
        vectors = np.stack([subject.vectors(code).values.double().numpy() for code in codes])
        raw = dict(zip(codes, _cosines_with(vectors, codes.index(subject.pivot)), strict=True))
        optimal = _optimal_layers(subject, codes)
        model = subject.model_name
        if len(codes) < FEWEST:
            short = f"Clusters and maps need at least {FEWEST} languages; with the pivot there are {len(codes)}."
            subject.data_warnings.add(short.rstrip("."), ", ".join(codes))
            return AnalysisResult((languages_table(model, codes, subject.pivot, [], raw, optimal, [short]),))
        directed = [directions(vectors[:, layer]) for layer in range(vectors.shape[1])]
        numbers = [self._numbers(subject, layer, codes, vectors[:, layer], directed[layer], optimal)
                   for layer in range(len(directed))]  # fmt: skip
        drawn = _drawn(layers, directed)
        corpus = subject.corpus.name if subject.settings.vectors.path is None else "the vectors' own corpus"
        clusters = len({family(code) for code in codes})
        figures: dict[str, Callable[[], Figure]] = {
            f"languages_map_{model}_layer_{one.layer}": partial(language_map, model, corpus, codes, one)
            for one in drawn
        }
        figures[f"languages_tree_{model}"] = partial(language_tree, model, corpus, codes, drawn, clusters)
        if any(one.families or one.scripts or one.optimal for one in numbers):
            figures[f"languages_agreement_{model}"] = lambda: _some(language_agreement(model, numbers))
        tables = (
            agreement_table(model, numbers, self._notes(codes, optimal)),
            languages_table(model, codes, subject.pivot, drawn, raw, optimal, _about(subject.pivot)),
        )
        return AnalysisResult(tables, figures, _summary(numbers))

    def _layers(self, subject: Subject) -> list[int]:
        blocks = subject.model.blocks
        if self.layers is None:
            return sorted({0, blocks // 2, blocks})
        listed = isinstance(self.layers, Sequence) and not isinstance(self.layers, str)
        if not listed or not self.layers or any(layer not in range(blocks + 1) for layer in self.layers):
            raise BenchError(
                f"analysis.layers={self.layers}: give a list such as [0,{blocks}]; layers of '{subject.model_name}' "
                f"are 0 (embedding) to {blocks}."
            )
        return sorted(set(self.layers))

    def _with_vectors(self, subject: Subject, codes: Sequence[str]) -> list[str]:
        """Those that the corpus has, where nobody asked for them by name."""
        found = []
        for code in codes:
            try:
                subject.vectors(code)
            except UnknownNameError:
                if subject.settings.languages is not None:
                    raise
                subject.data_warnings.add("Languages that are not in the corpus were left out", code)
                continue
            found.append(code)
        return found

    def _numbers(
        self, subject: Subject, layer: int, codes: Sequence[str], vectors: Floats, directed: Floats,
        optimal: dict[str, LayerPair],
    ) -> LayerNumbers:  # fmt: skip
        seed = subject.settings.seed
        groups = [[family(code) for code in codes], [script(code) for code in codes]]
        linked = tree(directed)
        families, scripts = (
            agreement(cut(linked, len(set(group))), group, seed, self.permutations) for group in groups
        )
        cosines = directed @ directed.T
        family_kin, script_kin = (kinship(cosines, group, seed, self.permutations) for group in groups)
        best = self._with_optimal(codes, directed, optimal, seed)
        raw = 1 - float(np.mean(pdist(vectors, "cosine")))
        return LayerNumbers(layer, raw, families, scripts, family_kin, script_kin, best)

    def _with_optimal(
        self, codes: Sequence[str], directed: Floats, optimal: dict[str, LayerPair], seed: int
    ) -> Mantel | None:
        at = [index for index, code in enumerate(codes) if code in optimal]
        if len(at) < FEWEST_OPTIMAL:
            return None
        pairs = np.array([[optimal[codes[index]].lirp, optimal[codes[index]].lsrp] for index in at], float)
        return mantel(distances(directed[at]), np.asarray(pdist(pairs, "cityblock")), seed, self.permutations)

    def _notes(self, codes: Sequence[str], optimal: dict[str, LayerPair]) -> list[str]:
        searched = len([code for code in codes if code in optimal])
        second = (
            f"Best pair: of {searched} languages, Spearman's correlation of the distances between vectors "
            "with those between optimal pairs, |LIRP - LIRP'| + |LSRP - LSRP'| (Mantel's test)."
            if searched >= FEWEST_OPTIMAL
            else f"Optimal layers need finished searches of at least {FEWEST_OPTIMAL} of the languages in this "
            f"experiment; there are {searched}."
        )
        return [
            f"{len(codes)} languages. Their mean is taken off each layer's vectors and the rest scaled to length 1; "
            "Ward's tree is cut into as many clusters as there are families (scripts).",
            "Rand: adjusted Rand index; 0 is chance, 1 the same partition. Near: languages, in percent, whose "
            "nearest one is of the same family (script). What chance gives for it, and the clusters' purity, are in "
            f"the CSV. p: {self.permutations:,} permutations of the languages, one-sided, Holm's correction over "
            "layers.",
            second,
        ]


def _optimal_layers(subject: Subject, codes: Sequence[str]) -> dict[str, LayerPair]:
    """The best pairs of finished searches. ``pair=`` would say the same of every language, so it is not asked."""
    if subject.settings.pair is not None:
        return {}
    found = {code: subject.pair(code) for code in subject.searched_languages() if code in codes}
    return {code: pair for code, pair in found.items() if pair is not None}


def _drawn(layers: Sequence[int], directed: Sequence[Floats]) -> list[DrawnLayer]:
    drawn: list[DrawnLayer] = []
    for layer in layers:
        like = drawn[0].map.places if drawn else None
        here = directed[layer]
        drawn.append(DrawnLayer(layer, plane(here, like), tree(here), here @ here.T))
    return drawn


def _cosines_with(vectors: Floats, pivot: int) -> list[list[float]]:
    """``[language][layer]``: of whole vectors, nothing taken off."""
    unit = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    cosines: list[list[float]] = (unit * unit[pivot]).sum(axis=2).tolist()
    return cosines


def _about(pivot: str) -> list[str]:
    return [
        "Nearest: by cosine after the mean over these languages is taken off. The CSV also holds places on the maps "
        f"and raw cosines with '{pivot}' at every layer."
    ]


def _some(figure: Figure | None) -> Figure:
    if figure is None:  # asked for only where there is a line
        raise RuntimeError("there is nothing to draw")
    return figure


def _summary(numbers: Sequence[LayerNumbers]) -> dict[str, float]:
    found = {
        "family": {one.layer: one.family_kin.adjusted for one in numbers if one.family_kin},
        "script": {one.layer: one.script_kin.adjusted for one in numbers if one.script_kin},
    }
    summary: dict[str, float] = {}
    for name, by_layer in found.items():
        if by_layer:
            best = max(by_layer, key=lambda layer: by_layer[layer])
            summary |= {f"languages/{name}_nearest": by_layer[best], f"languages/{name}_layer": float(best)}
    return summary
