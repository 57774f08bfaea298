"""Knowledge transfer from the pivot: a model against its no-transfer control on facts about held-out countries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.analyses.exposure.compute import Mask
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import NOT_EVALUATED, Interval, LayerPair, Setting
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.bootstrap import resample_accuracy

#: Parts of a run's identity that decide what is asked and how it is scored.
_ALIKE = ("dataset", "language", "pivot", "probing", "projection", "tokens")


@dataclass(frozen=True)
class Crossed:
    """Accuracy of the model and of its no-transfer control (``twin``) in percent over the same held-out facts, in one
    setting, and the model's minus the control's with the interval of that, paired by fact."""

    model: float
    twin: float
    transfer: Interval


@dataclass(frozen=True)
class Transfer:
    """Over the ``facts`` held-out facts of a language: baseline, and under the model's best pair (None where the
    model has none, or the control did not evaluate it)."""

    facts: int
    baseline: Crossed
    best: Crossed | None


def knowledge_transfer(model: StoredHits, twin: StoredHits, held_out: Mask, best: LayerPair | None) -> Transfer | None:
    """``held_out`` is ``[fact]`` over the model's facts. None where the control evaluated none of these facts.

    The best pair is the model's in both, so that the control is asked exactly what the model is.
    """
    facts = [fact for fact, chosen in zip(model.facts, held_out, strict=True) if chosen]
    has = twin.by_fact(None, facts) != NOT_EVALUATED
    facts = [fact for fact, there in zip(facts, has, strict=True) if there]
    baseline = _crossed(model, twin, facts, None)
    if not facts or baseline is None:
        return None
    return Transfer(len(facts), baseline, _crossed(model, twin, facts, best) if best is not None else None)


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
    """A testbed model's run as transfer needs it: ``held_out`` is ``[fact]`` over its hits, ``best`` its best pair."""

    manifest: Mapping[str, Any]
    hits: StoredHits
    held_out: Mask
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
        found = knowledge_transfer(model.hits, twin, model.held_out, model.best)
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


def _crossed(model: StoredHits, twin: StoredHits, facts: list[tuple[str, str]], setting: Setting) -> Crossed | None:
    hits = np.stack([model.by_fact(setting, facts), twin.by_fact(setting, facts)])
    if not facts or (hits == NOT_EVALUATED).any():
        return None
    accuracy = resample_accuracy(hits, [relation for relation, _ in facts])
    return Crossed(float(accuracy.value[0]), float(accuracy.value[1]), accuracy.change(0, against=1))
