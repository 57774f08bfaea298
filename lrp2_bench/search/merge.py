"""All studies below some folders in one journal: a copy, so that looking at a search never disturbs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from lrp2_bench.core.files import write_text
from lrp2_bench.core.settings import LRP2
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.layout import STUDY, experiment_folders, place_of
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.search.damage_study import STUDY_NAME, damage_study
from lrp2_bench.search.space import quiet_optuna
from lrp2_bench.search.storage import read_journal, repair_journal


class _Memory(BaseJournalBackend):
    """A journal that is not on disk yet; a file is synced at every record, which thousands of trials feel."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return iter(self.logs[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs += logs


def find_journals(folders: Iterable[Path], name: str) -> list[Path]:
    """Files called ``name``, or ``STEM.ANYTHING.SUFFIX`` of it for one of several writers, below ``folders``."""
    stem, suffix = Path(name).stem, Path(name).suffix
    found = {path for folder in folders for path in folder.rglob(f"{stem}*{suffix}") if path.is_file()}
    return sorted(path for path in found if path.name == name or path.name.startswith(f"{stem}."))


def merge_studies(journals: Iterable[Path], target: Path) -> tuple[JournalStorage, list[str], list[str]]:
    """Copy every study of ``journals`` into a journal at ``target``, whole or not at all.

    Returns it as a storage, the names of its studies, and what could not be read. A study is called after its folder,
    EXPERIMENT/MODEL/DATASET/LANGUAGE (behind EXPERIMENT an ablation's PROJECTION); several journals of a folder,
    each by its own writer, are one study there.
    """
    memory = _Memory()
    merged = JournalStorage(memory)
    problems: list[str] = []
    with quiet_optuna(), TemporaryDirectory() as folder:
        for path in journals:
            copy = Path(folder) / STUDY
            try:
                copy.write_bytes(path.read_bytes())
                repair_journal(copy)
                _copy_studies(copy, merged, path.resolve().parent)
                _add_damage(path.resolve().parent, merged)
            except Exception as error:  # whatever damage does to Optuna's reading
                problems.append(f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    write_text(target, "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in memory.logs))
    return merged, sorted(study.study_name for study in merged.get_all_studies()), problems


def _copy_studies(path: Path, merged: JournalStorage, folder: Path) -> None:
    storage = read_journal(path)
    for summary in storage.get_all_studies():
        source = optuna.load_study(study_name=summary.study_name, storage=storage)
        # Its own name, MODEL/DATASET/LANGUAGE, lacks the experiment; an ablation's has its projection before these.
        depth = 1 + max(3, len(source.study_name.split("/")))
        target = optuna.create_study(
            study_name="/".join(folder.parts[-depth:]),
            storage=merged,
            directions=list(source.directions),
            load_if_exists=True,
        )
        for key, value in source.user_attrs.items():
            target.set_user_attr(key, value)
        target.add_trials(source.get_trials(deepcopy=False))


def _add_damage(folder: Path, merged: JournalStorage) -> None:
    """A study of gain against damage beside a run's own, where its folder says what pairs cost."""
    files = RunFolder(folder)
    found = files.damage()
    if found:
        manifest, rows = files.manifest(), files.pairs()
        place = place_of(folder, str((manifest.get("projection") or {}).get("label", LRP2)))
        names = experiment_folders(place.experiment, place.projection)
        name = "/".join((*names, place.model, place.dataset, place.language, STUDY_NAME))
        if name not in {study.study_name for study in merged.get_all_studies()}:
            select_by = metric(str(manifest["select_by"]))
            damage_study(rows, found, int(manifest["model"]["blocks"]), select_by, merged, name)
