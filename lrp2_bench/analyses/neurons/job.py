"""``analysis=neurons``: the feed-forward neurons that recall facts, and how many two languages share (Table 2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from lrp2_bench.analyses.base import AnalysisResult, LanguageAnalysis
from lrp2_bench.analyses.finished import FOLDER
from lrp2_bench.analyses.neurons.attribution import RULES, Method
from lrp2_bench.analyses.neurons.compute import Completeness, KnowledgeNeurons, overlaps, summarise
from lrp2_bench.analyses.neurons.cost import forecast
from lrp2_bench.analyses.neurons.figure import neurons
from lrp2_bench.analyses.neurons.parts import Part, PartStore
from lrp2_bench.analyses.neurons.table import (
    Counted,
    Exactness,
    SharedNeurons,
    exactness_table,
    listing_table,
    overlap_table,
    relations_table,
)
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.progress import progress
from lrp2_bench.core.types import Setting
from lrp2_bench.models.neurons import neuron_count, normalised_blocks
from lrp2_bench.probing.answer_prompts import AnswerPrompt, answer_prompts

log = logging.getLogger(__name__)

#: Padded tokens of a pass, steps counted: a token's states in every block are kept for the way back.
_BATCH_TOKENS = {"cpu": 1_024, "cuda": 16_384}
_FEW_FACTS = "Relations with too few facts that both languages can be asked were left out (analysis.least_facts)"


@dataclass(frozen=True)
class _Comparison:
    """A language beside the pivot: a part per relation of each side, in the same order."""

    language: str
    pair: Setting
    baseline: Sequence[Part]
    pivot: Sequence[Part]
    lrp2: Sequence[Part]

    @property
    def parts(self) -> list[Part]:
        return [*self.pivot, *self.baseline, *self.lrp2]


class Neurons(LanguageAnalysis[SharedNeurons]):
    """What :mod:`lrp2_bench.analyses.neurons.attribution` computes; finished parts are kept beside the tables."""

    name: ClassVar[str] = "neurons"
    kind = SharedNeurons

    def __init__(
        self, steps: int = 20, rule: str = "right", per_prompt: int = 20, per_relation: int = 20, least_facts: int = 5
    ) -> None:
        given = {"steps": steps, "per_prompt": per_prompt, "per_relation": per_relation, "least_facts": least_facts}
        for name, number in given.items():
            if number < 1:
                raise BenchError(f"analysis.{name}={number} is too few. Give a number from 1.")
        if rule not in RULES:
            raise UnknownNameError("Riemann sum", rule, RULES, "Set analysis.rule.")
        self._steps, self._rule, self._least_facts = steps, rule, least_facts
        self._per_prompt, self._per_relation = per_prompt, per_relation

    def measure(self, subject: Subject) -> Iterator[SharedNeurons]:
        if subject.model.family == "seq2seq":
            raise BenchError(
                "analysis=neurons attributes a fact to neurons at the positions that score its object, and "
                f"'{subject.model_name}' is an encoder-decoder: its decoder scores the object, and LRP2 acts on its "
                "encoder, which has no such positions.\n"
                "Use a masked or causal model, or analysis=alignment, retrieval, languages or tokens with this one."
            )
        languages = subject.languages(subject.searched_languages())
        subject.require_languages([*languages, subject.pivot], subject.dataset.languages(), subject.dataset_name)
        model, width = subject.model, neuron_count(subject.model)
        self._require_neurons(model.blocks, width)
        if blocks := normalised_blocks(model):
            log.warning(
                "%d of %d blocks normalise what their feed-forward puts out, so that the share of its activations "
                "which the method grows from 0 to 1 makes no difference: their attributions add up to about nothing "
                "(an error of 100 %%) and rank neurons by slope alone.", len(blocks), model.blocks,
            )  # fmt: skip
        rule = next(rule for rule in RULES if rule == self._rule)
        tokens = subject.settings.batch_tokens or _BATCH_TOKENS.get(model.device.type, _BATCH_TOKENS["cpu"])
        method = Method(self._steps, rule, tokens)
        folder = subject.home / FOLDER / self.name
        store = PartStore(folder / "parts", f"{subject.checkpoint.digest} {model.precision}", method, self._per_prompt)
        asked = [self._comparison(subject, language) for language in languages]
        subject.data_warnings.report()
        found = self._compute(subject, store, method, [part for one in asked for part in one.parts])
        for one in asked:
            yield self._shared(one, subject.pivot, store, found)

    def show(self, subject: Subject, found: Sequence[SharedNeurons]) -> AnalysisResult:
        how = Counted(
            subject.model_name, subject.dataset_name, self._steps, self._rule, self._per_prompt, self._per_relation
        )
        return AnalysisResult(
            (overlap_table(found, how), relations_table(found, how), exactness_table(found, how)),
            {f"neurons_{one.language}_{how.model}_{how.dataset}": partial(neurons, one, how) for one in found},
            _summary(found),
            (listing_table(found),),
        )

    def _require_neurons(self, blocks: int, width: int) -> None:
        if self._per_prompt > width:
            raise BenchError(
                f"analysis.per_prompt={self._per_prompt} is more than the {width} neurons of a block. Give fewer."
            )
        if self._per_relation > blocks * self._per_prompt:
            raise BenchError(
                f"analysis.per_relation={self._per_relation} is more than a prompt's {blocks} x {self._per_prompt} "
                f"neurons. Give at most {blocks * self._per_prompt}, or more by analysis.per_prompt."
            )

    def _comparison(self, subject: Subject, language: str) -> _Comparison:
        """Raises :class:`BenchError` where fewer than two relations have enough facts."""
        facts = subject.dataset.facts(language, subject.pivot, subject.data_warnings)
        asked: list[tuple[str, list[AnswerPrompt], list[AnswerPrompt]]] = []
        most = 0
        for relation, counterpart in zip(facts.relations, facts.pivot_relations, strict=True):
            parallel = replace(relation, facts=tuple(relation.by_line[fact.line_id] for fact in counterpart.facts))
            ours, theirs = (
                answer_prompts(subject.model, side, f"{code} {relation.name}", subject.data_warnings)
                for code, side in ((language, parallel), (subject.pivot, counterpart))
            )
            both = [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine and yours]
            most = max(most, len(both))
            if len(both) < self._least_facts:
                subject.data_warnings.add(_FEW_FACTS, f"{language} {relation.name} with {len(both)}")
                continue
            asked.append((relation.name, [mine for mine, _ in both], [yours for _, yours in both]))
        if len(asked) < 2:
            have = f"{len(asked)} relation{'' if len(asked) == 1 else 's'}"
            raise BenchError(
                f"'{language}' and '{subject.pivot}' have {have} with at least {self._least_facts} facts that both can "
                f"be asked (the largest has {most}), and overlaps take two.\n"
                "Ask for more by dataset.limit and dataset.relations, or set analysis.least_facts lower."
            )
        pair = subject.pair(language)
        moved = subject.edit(language) if pair is not None else None
        origins = tuple(subject.vectors(code).origin for code in (language, subject.pivot)) if pair else ()
        return _Comparison(
            language,
            pair,
            [Part(language, name, None, mine) for name, mine, _ in asked],
            [Part(subject.pivot, name, None, yours) for name, _, yours in asked],
            [Part(language, name, pair, mine, moved, origins) for name, mine, _ in asked] if pair else [],
        )

    def _compute(
        self, subject: Subject, store: PartStore, method: Method, parts: Sequence[Part]
    ) -> Mapping[str, KnowledgeNeurons]:
        """Every part by its path, from its file where it has one."""
        by_path = {str(store.path(part)): part for part in parts}
        found = {path: result for path, part in by_path.items() if (result := store.read(part)) is not None}
        left = {path: part for path, part in by_path.items() if path not in found}
        if found:
            log.info("%d of %d parts were finished before.", len(found), len(by_path))
        if not left:
            return found
        prompts = [prompt for part in left.values() for prompt in part.prompts]
        log.info("Knowledge neurons: %s.", forecast(subject.model, prompts, method))
        with progress("Knowledge neurons", len(prompts), "prompts") as advance:
            for path, part in left.items():
                found[path] = store.compute(subject.model, part, advance)
        return found

    def _shared(
        self, one: _Comparison, pivot: str, store: PartStore, found: Mapping[str, KnowledgeNeurons]
    ) -> SharedNeurons:
        theirs, ours, moved = (
            [found[str(store.path(part))] for part in side] for side in (one.pivot, one.baseline, one.lrp2)
        )
        sides = [(pivot, theirs), (one.language, ours)]
        if moved:
            sides.append((f"{one.language}, LRP2", moved))
        return SharedNeurons(
            one.language,
            pivot,
            tuple(part.relation for part in one.baseline),
            tuple(len(part.prompts) for part in one.baseline),
            one.pair,
            overlaps(ours, theirs, self._per_relation),
            overlaps(moved, theirs, self._per_relation) if moved else None,
            tuple(_exactness(name, results) for name, results in sides),
            tuple(self._listing(one, store, found)),
        )

    def _listing(
        self, one: _Comparison, store: PartStore, found: Mapping[str, KnowledgeNeurons]
    ) -> Iterator[tuple[str | int | None, ...]]:
        """Each relation's neurons: the columns of :func:`listing_table` behind the language."""
        for part in one.parts:
            result = found[str(store.path(part))]
            pair = (part.pair.lirp, part.pair.lsrp) if part.pair else (None, None)
            ranked = zip(result.places(), result.prompts.tolist(), result.attribution, strict=True)
            for rank, (place, prompts, attribution) in enumerate(list(ranked)[: self._per_relation], start=1):
                row = (rank, *place, prompts, result.asked, f"{attribution:.6g}")
                yield (part.language, part.relation, *pair, *row)


def _exactness(side: str, results: Sequence[KnowledgeNeurons]) -> Exactness:
    asked = sum(result.asked for result in results)
    completeness = sum((result.completeness for result in results), Completeness())
    return Exactness(side, asked, sum(result.probability for result in results) / asked, completeness)


def _summary(shared: Sequence[SharedNeurons]) -> dict[str, float]:
    found = {}
    for one in shared:
        found[f"neurons/{one.language}/same"] = summarise(one.baseline).same
        found[f"neurons/{one.language}/different"] = summarise(one.baseline).different
        if one.lrp2 is not None:
            found[f"neurons/{one.language}/same_lrp2"] = summarise(one.lrp2).same
            found[f"neurons/{one.language}/different_lrp2"] = summarise(one.lrp2).different
    return found
