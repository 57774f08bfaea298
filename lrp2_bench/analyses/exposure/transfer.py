"""Knowledge transfer from the pivot: a model against its no-transfer control on facts about held-out countries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.analyses.exposure.compute import FactStatuses, Mask
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Hits, Interval, LayerPair, Setting
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.stored_hits import FactKey, StoredHits
from lrp2_bench.stats.fact_clusters import by_country
from lrp2_bench.stats.paired_intervals import paired_runs
from lrp2_bench.testbed.exposure import ELSEWHERE

#: Countries below which a placebo says nothing.
FEWEST = 10

#: Parts of a run's identity that decide what is asked and how it is scored.
_ALIKE = ("dataset", "language", "pivot", "probing", "projection", "tokens")


@dataclass(frozen=True)
class Paired:
    """Hits ``[fact]`` of the model and of its no-transfer control (``twin``) on the same ``facts``."""

    facts: tuple[FactKey, ...]
    model: Hits
    twin: Hits

    def difference(self) -> tuple[float, float, Interval]:
        """The control's accuracy and the model's in percent, and the model's less the control's; NaN of no facts."""
        clusters = by_country(self.facts)
        return paired_runs(self.twin, self.model, (self.twin, self.model), clusters, "accuracy")


@dataclass(frozen=True)
class Crossed:
    """The model and its no-transfer control over the same facts, in one setting: ``held_out`` ones, which the model's
    pivot text has and the control's lacks, and those of the ``placebo``, which both saw alike in other languages."""

    held_out: Paired
    placebo: Paired

    @cached_property
    def _difference(self) -> tuple[float, float, Interval]:
        return self.held_out.difference()

    @property
    def model(self) -> float:
        """Its accuracy over the held-out facts, in percent."""
        return self._difference[1]

    @property
    def twin(self) -> float:
        return self._difference[0]

    @property
    def transfer(self) -> Interval:
        """The model's less the control's, with an interval by country."""
        return self._difference[2]

    @cached_property
    def same(self) -> Interval:
        """The same difference on the placebo's facts: what two pretrainings differ in anyway; NaN where they are about
        fewer than :data:`FEWEST` countries."""
        if by_country(self.placebo.facts).count < FEWEST:
            return Interval(math.nan, math.nan, math.nan)
        return self.placebo.difference()[2]

    @property
    def beyond(self) -> Interval:
        """The transfer less that (difference in differences). Held-out countries and others are different clusters, so
        that their errors are independent."""
        value = self.transfer.value - self.same.value
        reach = math.hypot(self.transfer.high - self.transfer.value, self.same.high - self.same.value)
        return Interval(value, value - reach, value + reach)


def pooled(found: Sequence[Crossed]) -> Crossed:
    """Over the facts of several languages, in which a country is one cluster."""
    sides = [[each.held_out for each in found], [each.placebo for each in found]]
    held_out, placebo = (
        Paired(
            tuple(fact for part in parts for fact in part.facts),
            np.concatenate([part.model for part in parts]),
            np.concatenate([part.twin for part in parts]),
        )
        for parts in sides
    )
    return Crossed(held_out, placebo)


@dataclass(frozen=True)
class Transfer:
    """Over the ``facts`` held-out facts of a language: baseline, and under the model's best pair (None where the
    model has none, or the control did not evaluate it)."""

    facts: int
    baseline: Crossed
    best: Crossed | None


def knowledge_transfer(
    model: StoredHits, twin: StoredHits, statuses: FactStatuses, best: LayerPair | None
) -> Transfer | None:
    """``statuses`` are of the model's facts. None where the control evaluated none of the held-out ones.

    The best pair is the model's in both, so that the control is asked exactly what the model is.
    """
    held_out, placebo = (_in_both(model, twin, mask) for mask in (statuses.held_out, statuses.by[ELSEWHERE]))
    baseline = _crossed(model, twin, held_out, placebo, None)
    if not held_out or baseline is None:
        return None
    return Transfer(len(held_out), baseline, _crossed(model, twin, held_out, placebo, best) if best else None)


def _in_both(model: StoredHits, twin: StoredHits, mask: Mask) -> list[FactKey]:
    facts = [fact for fact, chosen in zip(model.facts, mask, strict=True) if chosen]
    has = twin.by_fact(None, facts) != NOT_EVALUATED
    return [fact for fact, there in zip(facts, has, strict=True) if there]


@dataclass(frozen=True)
class Unusable:
    """Why a control's run cannot be compared: its configuration differs from the model's (``differing``), its
    hits cannot be read (``damage``), or, with neither, it has none of the held-out facts."""

    differing: tuple[str, ...] = ()
    damage: str = ""

    def __str__(self) -> str:
        if self.differing:
            return f"the no-transfer control's run differs in {', '.join(self.differing)}"
        return self.damage or "no held-out fact was evaluated in both"


@dataclass(frozen=True)
class ModelRun:
    """A testbed model's run as transfer needs it: ``statuses`` are of its hits' facts, ``best`` is its best pair."""

    manifest: Mapping[str, Any]
    hits: StoredHits
    statuses: FactStatuses
    best: LayerPair | None


def transfer_from(
    model: ModelRun, twins: Iterable[tuple[Path, Mapping[str, Any]]]
) -> tuple[tuple[Path, Transfer] | None, list[Unusable]]:
    """From the first of ``twins`` (run folder and manifest) that can be compared, with that folder; and why those
    before it cannot."""
    problems: list[Unusable] = []
    for folder, manifest in twins:
        if differing := unlike(model.manifest, manifest):
            problems.append(Unusable(differing))
            continue
        try:
            twin = RunFolder(folder).hits()
        except BenchError as error:
            problems.append(Unusable(damage=str(error)))
            continue
        found = knowledge_transfer(model.hits, twin, model.statuses, model.best)
        if found is not None:
            return (folder, found), problems
        problems.append(Unusable())
    return None, problems


def unlike(manifest: Mapping[str, Any], twin: Mapping[str, Any]) -> tuple[str, ...]:
    """In what a run and its control's differ, by the manifests' identities; none if they can be compared."""
    ours, theirs = manifest.get("identity", {}), twin.get("identity", {})
    differing = [key for key in _ALIKE if ours.get(key) != theirs.get(key)]
    if ours.get("model", {}).get("precision") != theirs.get("model", {}).get("precision"):
        differing.append("precision")
    return tuple(differing)


def _crossed(
    model: StoredHits, twin: StoredHits, held_out: list[FactKey], placebo: list[FactKey], setting: Setting
) -> Crossed | None:
    """None without a held-out fact, or where a hit is missing."""
    sides = [
        Paired(tuple(facts), model.by_fact(setting, facts), twin.by_fact(setting, facts))
        for facts in (held_out, placebo)
    ]
    if not held_out or any((row == NOT_EVALUATED).any() for side in sides for row in (side.model, side.twin)):
        return None
    return Crossed(*sides)
