"""Runs are compared from the evidence at hand, or from their folders where there is none, with the same outcome."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.report.agreement import label_runs
from lrp2_bench.report.assessed_runs import assess_runs
from lrp2_bench.report.overview.comparison import Side, _levels, _sides, comparison
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.runs import find_runs
from lrp2_bench.stats.compare import compare_levels, levels_of
from tests.support.synthetic_runs import write_synthetic_run


def sides_below(root: Path) -> list[Side]:
    runs, _ = label_runs(find_runs([root])[0])
    labels = sorted({run.label for run in runs})
    groups = [assess_runs([run for run in runs if run.label == label], "accuracy") for label in labels]
    return [side for group in groups for side in _sides(group, groups)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compared")
    for experiment, facts, gain in (("one", 200, 0.0), ("two", 150, 1.5)):
        write_synthetic_run(root / experiment, "de", blocks=3, facts=facts, gain=gain)
        (root / experiment / "paper").rename(root / f"{experiment}.")
        (root / experiment).rmdir()
        (root / f"{experiment}.").rename(root / experiment)
    return root


def test_what_evidence_keeps_of_the_hits_compares_as_the_folders_do(outputs: Path) -> None:
    first, second = sides_below(outputs)
    kept = compare_levels(_levels(first, "accuracy", {}), _levels(second, "accuracy", {}))
    read = compare_levels(levels_of(first.run, "accuracy"), levels_of(second.run, "accuracy"))
    assert kept == read and 0 < kept.facts < 150 and kept.at_best["accuracy"].difference.value != 0.0


def test_hits_are_not_read_a_second_time(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = sides_below(outputs)
    asked: list[Path] = []
    monkeypatch.setattr(RunFolder, "hits", lambda folder: asked.append(folder.path))
    for side in sides:
        _levels(side, "accuracy", {})
    assert asked == []
    with pytest.raises(AttributeError):  # without evidence it does ask
        _levels(replace(sides[0], evidence=None), "accuracy", {})
    assert len(asked) == 1


def test_nothing_is_nothing_to_compare() -> None:
    assert comparison([]) == ([], [])
