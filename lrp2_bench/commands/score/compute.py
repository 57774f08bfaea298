"""Scores of a job's relations, one after another: from the folder where they are, from the engine where not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.progress import Advance
from lrp2_bench.core.prompts import SUBJECT
from lrp2_bench.core.settings import ScoreCommand
from lrp2_bench.core.types import Fact, Relation, Setting
from lrp2_bench.grid.engine import evaluate_scores
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.metrics.scores import Places, RelationScores
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool, pool_of
from lrp2_bench.results.scores import ScoreParts, Scores

#: Candidates of a query without its subject that run together: a pool may have hundreds, too many for one tree.
_TOGETHER = 64

_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True)
class ScoredRelation:
    """``scores`` are ``[setting, fact, candidate]``, the baseline's first; ``prior`` ``[setting, fact, candidate]`` of
    the query without its subject, None if not asked for; ``pivot`` ``[1, pivot fact, pivot candidate]``."""

    relation: Relation
    pivot_relation: Relation
    scores: Scores
    prior: Scores | None
    pivot: Scores

    def data(self) -> RelationScores:
        """As metrics take them."""
        place = {label: number for number, label in enumerate(self.relation.pool)}
        own = np.array([place[fact.object] for fact in self.relation.facts], dtype=np.int64)
        prior = None if self.prior is None else self.prior.astype(np.float64)
        return RelationScores(self.scores.astype(np.float64), own, prior, self._pivot_by_fact(), self._same())

    def _pivot_by_fact(self) -> npt.NDArray[np.float64]:
        row = {fact.line_id: number for number, fact in enumerate(self.pivot_relation.facts)}
        found = np.full((len(self.relation.facts), len(self.pivot_relation.pool)), np.nan)
        for number, fact in enumerate(self.relation.facts):
            if fact.line_id in row:
                found[number] = self.pivot[0, row[fact.line_id]]
        return found

    def _same(self) -> Places:
        """Labels of the objects that both languages have, each pair of labels once."""
        ours, theirs = (
            {label: number for number, label in enumerate(relation.pool)}
            for relation in (self.relation, self.pivot_relation)
        )
        others = self.pivot_relation.objects
        pairs = {
            (ours[label], theirs[others[object_id]])
            for object_id, label in self.relation.objects.items()
            if object_id in others
        }
        return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class ScoreEvaluator:
    """``baseline`` and ``moved`` keep what is computed without, and with, the intervention."""

    model: LayeredModel
    edit: Edit | None
    settings: ScoreCommand
    baseline: ScoreParts
    moved: ScoreParts
    data_warnings: DataWarnings

    @cached_property
    def _log_partition(self) -> LogPartition:
        return build_log_partition(self.model, self.settings.grid)

    def score(
        self, relation: Relation, pivot_relation: Relation, wanted: Sequence[Setting], advance: Advance
    ) -> ScoredRelation:
        """The ``wanted`` settings, the baseline first. ``advance`` gets facts x settings, the pivot's facts too."""
        settings = self.settings
        pool, pivot_pool = (
            pool_of(each, pool_size(self.model, settings.probing), settings.seed, filtered=settings.probing.filtered)
            for each in (relation, pivot_relation)
        )
        scores = self._kept(settings.language, relation, pool, wanted, self.data_warnings, advance)
        if settings.language == settings.pivot:
            pivot = scores[:1]
        else:
            pivot = self._kept(settings.pivot, pivot_relation, pivot_pool, [None], self.data_warnings, advance)
        prior = self._prior(relation, wanted) if settings.score.prior and relation.facts else None
        return ScoredRelation(relation, pivot_relation, scores, prior, pivot)

    def _kept(
        self,
        side: str,
        relation: Relation,
        pool: Pool,
        wanted: Sequence[Setting],
        data_warnings: DataWarnings,
        advance: Advance,
    ) -> Scores:
        """``[setting, fact, candidate]``; what is not kept is computed, all of it together, and kept."""
        found: dict[Setting, Scores] = {}
        for setting in wanted:
            kept = self._parts(setting).load((side, relation.name, setting), pool.allowed.shape)
            if kept is not None:
                found[setting] = kept
                advance(len(relation.facts))
        missing = [setting for setting in wanted if setting not in found]
        if missing:
            pairs = [setting for setting in missing if setting is not None]
            plan = plan_grid(self.model.blocks, pairs, baseline=None in missing)
            probe = build_probe(
                self.model, relation, pool, f"{side} {relation.name}", self.settings.probing, self._log_partition,
                data_warnings, full=True,
            )  # fmt: skip
            limits = limits_for(self.model, plan, self.settings.grid)
            for setting, values in zip(
                plan.settings, evaluate_scores(probe, plan, self.edit, limits, advance), strict=True
            ):
                self._parts(setting).save((side, relation.name, setting), values)
                found[setting] = values
        return np.stack([found[setting] for setting in wanted])

    def _prior(self, relation: Relation, wanted: Sequence[Setting]) -> Scores:
        """``[setting, fact, candidate]`` of each fact's own template without its subject."""
        templates = [relation.templates_of(fact)[0] for fact in relation.facts]
        distinct = list(dict.fromkeys(templates))
        parts = []
        for number, template in enumerate(distinct):
            asked, pool = without_subject(relation, template, number)
            scores = self._kept("prior", asked, pool, wanted, DataWarnings(), _unseen)
            parts.append(np.nanmax(scores, axis=1))
        by_template = np.stack(parts, axis=1)
        return by_template[:, [distinct.index(template) for template in templates]]

    def _parts(self, setting: Setting) -> ScoreParts:
        return self.baseline if setting is None else self.moved


def without_subject(relation: Relation, template: str, number: int) -> tuple[Relation, Pool]:
    """``template`` with nothing in its subject's place (its spaces closed up), asked for every object of the relation:
    a fact for every few candidates, each candidate of one of them."""
    text = _SPACES.sub(" ", template.replace(SUBJECT, "")).strip()
    labels = relation.pool
    starts = range(0, len(labels), _TOGETHER)
    facts = tuple(
        Fact(relation.name, place, f"{number}-{place}", "", "", labels[start], "") for place, start in enumerate(starts)
    )
    asked = Relation(f"{relation.name} {number}", text, facts, relation.objects)
    allowed = np.zeros((len(facts), len(labels)), dtype=np.bool_)
    for place, start in enumerate(starts):
        allowed[place, start : start + _TOGETHER] = True
    return asked, Pool(labels, np.array(list(starts), dtype=np.int64), allowed)


def _unseen(steps: int = 1) -> None:
    """Progress that no bar shows."""
