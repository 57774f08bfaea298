"""The one layout of results: where a run's folder lies and what every file and folder in it is called.

``OUTPUTS/EXPERIMENT/MODEL/DATASET/LANGUAGE``; an ablation's run lies one folder deeper, in
``OUTPUTS/EXPERIMENT/PROJECTION/MODEL/DATASET/LANGUAGE``, so that it never meets LRP2's own. Names of files are part of
the contract with other programs, and folders of earlier versions use them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.settings import LRP2
from lrp2_bench.interventions.registry import is_label

PAIRS = "pairs.csv"
HITS = "hits.parquet"
PIVOT_HITS = "pivot_hits.parquet"
FACTS = "facts.parquet"
ALIGNMENT = "alignment.csv"
DAMAGE = "damage.csv"
DRAWS = "draws.csv"
DRAW_HITS = "draw_hits.parquet"
MANIFEST = "manifest.json"
STATUS = "status.json"
STUDY = "study.journal"
#: What `lrp2-bench score` leaves, and the folder of scores as they are computed.
SCORES = "scores.parquet"
PIVOT_SCORES = "pivot_scores.parquet"
SCORE_METRICS = "score_metrics.csv"
ANSWERS = "answers.parquet"
WRONG_ANSWERS = "wrong_answers.csv"
SCORE_PARTS = "scores"
#: A finished job's last word (:mod:`lrp2_bench.results.completion`).
COMPLETION = "done.json"

#: The folder of stored hits, one chunk a finished relation, and in it the fingerprint once more.
CHUNKS = "relations"
FINGERPRINT = "identity.json"
#: The folder of leases. Its name is that of the first version: jobs of both may share a folder.
LEASES = "claims"
#: The folder in which each shard of a split job keeps its own status.
SHARDS = "shards"
#: Put behind the name of a file that is set aside.
DAMAGED = ".damaged"

#: What two runs of one configuration write identically, byte for byte; the manifest has their digests.
TABLES = (PAIRS, HITS, PIVOT_HITS, FACTS, ALIGNMENT, DAMAGE, DRAWS, DRAW_HITS)
#: Any of these makes a folder a run folder, whole or not.
MARKERS = frozenset({PAIRS, STATUS, MANIFEST, HITS})

#: How the layout is described to a user.
RUNS_HINT = "Runs are in EXPERIMENT/MODEL/DATASET/LANGUAGE folders, which `lrp2-bench search` writes."


@dataclass(frozen=True)
class Place:
    """What a run's path says of it. ``outputs`` is the output root; parts that the path is too short for are ''."""

    outputs: Path
    experiment: str
    model: str
    dataset: str
    language: str
    projection: str = LRP2


def run_folder(outputs: Path, experiment: str, projection: str, model: str, dataset: str, language: str) -> Path:
    """Where the run lies; ``projection`` is a label, ``lrp2`` for LRP2 itself. Runs that differ in a name never share
    a folder."""
    above = experiment_folders(experiment, projection)
    return outputs.joinpath(*(file_name(name) for name in (*above, model, dataset, language)))


def experiment_folders(experiment: str, projection: str) -> tuple[str, ...]:
    """The names above MODEL: interventions other than LRP2 lie one folder deeper, so that they never meet its runs."""
    return (experiment,) if projection == LRP2 else (experiment, projection)


def place_of(folder: Path, projection: str | None = None) -> Place:
    """The inverse of :func:`run_folder`, for whatever path. ``projection`` is what the manifest says it is; where there
    is none (None), a folder that is named like an ablation is thought to be one's."""
    *above, experiment, model, dataset, language = ["", "", "", "", *folder.resolve().parts]
    if projection is None:
        projection = experiment if is_label(experiment) else LRP2
    if projection != LRP2 and projection == experiment:
        *above, experiment = above
    return Place(Path(*above), experiment, model, dataset, language, projection)
