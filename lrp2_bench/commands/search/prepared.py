"""What a search has at hand, an object a stage: what was asked, what was read, and what evaluates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrp2_bench.analyses.exposure.job import pretrained_details
from lrp2_bench.commands.search.asked import Asked
from lrp2_bench.commands.search.hits import HitsEvaluator
from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import LayerPair, ParallelFacts, Setting
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.metrics.base import Metric
from lrp2_bench.metrics.registry import chosen_metrics
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.models.names import folder_name
from lrp2_bench.results.leases import Leases
from lrp2_bench.results.manifest import environment
from lrp2_bench.results.reproduction import Reproduction
from lrp2_bench.results.status import JobStatus
from lrp2_bench.testbed.pretrained import Pretrained
from lrp2_bench.tracking.base import Tracker


@dataclass(frozen=True)
class Sources:
    """What a job reads from and tells; made inside the job, so that their errors reach ``status.json``."""

    dataset: Callable[[], Dataset]
    corpus: Callable[[], Corpus]
    tracker: Callable[[], Tracker]


@dataclass(frozen=True)
class SearchJob:
    """A job as it was asked for. ``config`` is the resolved configuration without credentials, ``folder`` the run's."""

    settings: SearchCommand
    config: Mapping[str, Any]
    dataset_name: str
    folder: Path
    status: JobStatus
    leases: Leases
    data_warnings: DataWarnings = field(default_factory=DataWarnings)
    started: float = field(default_factory=time.perf_counter)

    @property
    def has_pairs(self) -> bool:
        """Whether it evaluates more than the baseline."""
        return self.settings.search.kind is not SearchKind.baseline

    @property
    def measured(self) -> Sequence[Metric]:
        """The metrics in ``pairs.csv``."""
        return chosen_metrics(self.settings.metrics, self.settings.select_by)

    @property
    def model_name(self) -> str:
        """MODEL of the run folder."""
        return folder_name(self.settings.model.name, self.settings.model.path)


@dataclass(frozen=True)
class Inputs:
    """What a job has read before its model. ``reference`` is the run that it reproduces; ``pretrained`` are the
    records of a testbed model."""

    dataset: Dataset
    facts: ParallelFacts
    checkpoint: Checkpoint
    pretrained: Pretrained | None
    projection: Projection
    asked: Asked
    reference: Reproduction | None


@dataclass(frozen=True)
class Prepared:
    """A job that has all it evaluates with, and a run folder that fits it.

    ``asked`` is what it looks at beside what the folder has, ``pairs`` those it looks at or chooses from. ``stored`` is
    the manifest found there, ``identity`` what decides hits, ``details`` the manifest's other entries so
    far.
    """

    job: SearchJob
    inputs: Inputs
    evaluator: HitsEvaluator
    projection: Projection
    asked: Asked
    pairs: tuple[LayerPair, ...]
    stored: Mapping[str, Any]
    identity: Mapping[str, Any]
    details: Mapping[str, Any]

    @property
    def blocks(self) -> int:
        return self.evaluator.model.blocks

    @property
    def wanted(self) -> tuple[Setting, ...]:
        """The settings that the job is about."""
        return (None, *self.pairs) if self.job.has_pairs else (None,)


def kept_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest keeps of a configuration."""
    return {key: value for key, value in config.items() if key not in ("shard", "reproduces")}


def manifest_details(job: SearchJob, inputs: Inputs, model: LayeredModel, projection: Projection) -> dict[str, Any]:
    """The entries of ``manifest.json`` that are known before anything is evaluated, but for the identity."""
    settings, vectors = job.settings, projection.vectors
    return {
        "config": kept_config(job.config),
        "model": _model_details(job, inputs.checkpoint, model),
        "dataset": {
            "name": job.dataset_name,
            "digest": inputs.facts.digest,
            "relations": [relation.name for relation in inputs.facts.relations],
            "languages": list(inputs.dataset.languages()),
        },
        # A run of baselines has none and leaves those of an earlier run in place.
        **({"vectors": {code: {**v.metadata, "digest": v.digest} for code, v in vectors.items()}} if vectors else {}),
        "projection": projection.details(model.blocks),
        "language": settings.language,
        "pivot": settings.pivot,
        "select_by": settings.select_by,
        "metrics": [each.name for each in job.measured],
        "device": str(model.device),
        "environment": environment(),
        **pretrained_details(inputs.pretrained),
    }


def _model_details(job: SearchJob, checkpoint: Checkpoint, model: LayeredModel) -> dict[str, Any]:
    return {
        "name": job.model_name,
        "path": job.settings.model.path,
        "revision": checkpoint.revision,
        "digest": checkpoint.digest,
        **({"other_digest": checkpoint.other_digest} if checkpoint.other_digest else {}),
        **({"gguf": dict(checkpoint.gguf)} if checkpoint.gguf else {}),
        "family": model.family,
        "blocks": model.blocks,
        "precision": model.precision,
    }
