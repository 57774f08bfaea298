"""``lrp2-bench demo``: what it searches, what it says, and how it fails; once for real on a shipped model."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.commands import demo
from lrp2_bench.commands.demo import demo_searches, run_demo
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import DemoCommand, PathSettings
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.launcher import JobLauncher, Tell
from lrp2_bench.launchers.running import Setup
from lrp2_bench.launchers.summary import UnfinishedError
from lrp2_bench.testbed.specs import TINY_LANGUAGES


def settings(tmp_path: Path, **given: object) -> DemoCommand:
    paths = PathSettings(outputs=str(tmp_path / "out puts"), cache=str(tmp_path / "cache"))
    return DemoCommand(**{"models": ["tiny_bloom"], "languages": ["sq"], "limit": 2, "paths": paths, **given})


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Outcome]], list[list[str]]]:
    """Puts one in the place of the local launcher that runs nothing; returns the labels of its jobs, run by run."""

    def arrange(outcomes: dict[str, Outcome]) -> list[list[str]]:
        runs: list[list[str]] = []

        class Outcomes(JobLauncher):
            def __init__(self, workers: int, threads: int) -> None:
                assert (workers, threads) == (1, 1), "as many as families"

            def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
                runs.append([job.label for job in jobs])
                for job in jobs:
                    tell(job, outcomes.get(job.label, Outcome(State.finished)))

        monkeypatch.setattr(demo, "LocalLauncher", Outcomes)
        return runs

    return arrange


def test_a_model_is_searched_in_all_its_languages_after_its_twin(tmp_path: Path) -> None:
    searches = demo_searches("tiny_mbert", DemoCommand(), tmp_path)
    asked = [(search.overrides[0], search.overrides[1], "search=baseline" in search.overrides) for search in searches]
    others = [f"language={code}" for code in TINY_LANGUAGES if code != "en"]
    twin, model = "model=tiny_mbert_twin", "model=tiny_mbert"
    assert asked == [
        *((twin, language, True) for language in ["language=en", *others]),
        *((model, language, False) for language in others),
        (model, "language=en", True),
    ]
    assert [search.first for search in searches] == [search.overrides[0] == twin for search in searches]


@pytest.mark.parametrize(("limit", "experiment"), [(30, "demo"), (5, "demo_5"), (None, "demo_all")])
def test_each_limit_has_an_experiment_of_its_own(tmp_path: Path, limit: int | None, experiment: str) -> None:
    for search in demo_searches("tiny_mbert", DemoCommand(limit=limit), tmp_path):
        assert f"experiment.name={experiment}" in search.overrides


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": ["tiny_mbart"]}, "tiny_mbert"),
        ({"models": ["tiny_bloom_twin"]}, "tiny_bloom"),
        ({"languages": ["cy"]}, "Unknown language of the demo 'cy'"),
        ({"limit": 0}, "limit=0: give a number of facts a relation from 1, or null for all"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises(BenchError, match=message):
        run_demo(settings(tmp_path, **given), Console(file=io.StringIO()))
    assert not (tmp_path / "out puts").exists()


def test_a_failed_search_is_told_with_its_cause_after_all_the_others(
    tmp_path: Path, launcher: Callable[[dict[str, Outcome]], list[list[str]]]
) -> None:
    runs = launcher({"tiny_bloom_twin/cldr/sq": Outcome(State.failed, "the disk is on fire")})
    said = io.StringIO()
    with pytest.raises(UnfinishedError, match="4 jobs: 3 finished, 1 failed") as caught:
        run_demo(settings(tmp_path), Console(file=said, width=100))
    assert "tiny_bloom_twin/cldr/sq: the disk is on fire" in str(caught.value)
    assert runs == [
        ["tiny_bloom_twin/cldr/en", "tiny_bloom_twin/cldr/sq"],
        ["tiny_bloom/cldr/sq", "tiny_bloom/cldr/en"],
    ], "the twin's are over before the model's begin"
    assert "3/4 searches" in said.getvalue()


@pytest.mark.system  # a minute
def test_it_searches_reports_and_says_what_it_found(
    tmp_path: Path, launcher: Callable[[dict[str, Outcome]], list[list[str]]]
) -> None:
    said = io.StringIO()
    report = run_demo(settings(tmp_path), Console(file=said, width=100))
    assert "tiny_bloom on cldr: " in said.getvalue() and "Knowledge transfer, baseline" in said.getvalue()
    assert "4/4 searches" in said.getvalue()
    assert len(list(report.parent.glob("*/*/*/wandb/offline-run-*"))) == 4 and "wandb sync" in said.getvalue()
    assert (report / "tables" / "knowledge_tiny_bloom_cldr.md").is_file()
    assert (report / "figures" / "heatmaps_transferability_tiny_bloom_cldr.png").is_file()

    # A second time nothing is searched, until what is asked for changes.
    runs, said = launcher({}), io.StringIO()
    run_demo(settings(tmp_path), Console(file=said, width=100))
    assert not runs and "4/4 searches" in said.getvalue()
    # Another limit is another experiment; a folder holds one configuration.
    assert demo_searches("tiny_bloom", settings(tmp_path, limit=3), tmp_path) != demo_searches(
        "tiny_bloom", settings(tmp_path), tmp_path
    )
