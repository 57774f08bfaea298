"""The Optuna study of a job: every evaluated pair a completed trial, its optimum the paper's best pair."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from lrp2_bench.core.settings import Metric
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.results.choice import METRICS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.study import best_pair, load_study, value_of, write_study

BLOCKS = 4

# Two pairs lead each metric, and not the same ones, so that ties and the choice of metric both show.
SCORES = {
    None: (10.0, 20.0),
    LayerPair(1, 2): (0.0, 0.0),
    LayerPair(1, 3): (40.0, 30.0),
    LayerPair(1, 4): (50.0, 25.0),
    LayerPair(2, 3): (50.0, 31.25),
    LayerPair(2, 4): (12.5, 31.25),
    LayerPair(3, 4): (40.0, 30.0),
}
ROWS = [
    PairRow(pair.lirp if pair else None, pair.lsrp if pair else None, accuracy, transferability, 8, 7)
    for pair, (accuracy, transferability) in SCORES.items()
]
BEST = {Metric.accuracy: LayerPair(1, 4), Metric.transferability: LayerPair(2, 3)}


def _plain(path: Path, name: str = "m/d/l") -> optuna.Study:
    """Opened as anyone would, without code of ours."""
    return optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(JournalFileBackend(str(path))))


@pytest.fixture(params=list(Metric), ids=lambda metric: metric.value)
def metric(request: pytest.FixtureRequest) -> Metric:
    found: Metric = request.param
    return found


@pytest.fixture
def path(tmp_path: Path, metric: Metric) -> Path:
    write_study(tmp_path / "study.journal", "m/d/l", ROWS, BLOCKS, metric)
    return tmp_path / "study.journal"


def test_every_pair_is_a_completed_trial_in_order_with_fixed_ranges(path: Path) -> None:
    trials = _plain(path).trials
    assert [LayerPair(**trial.params) for trial in trials] == list(all_pairs(BLOCKS))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    for trial in trials:
        assert trial.distributions == {"lirp": IntDistribution(1, BLOCKS - 1), "lsrp": IntDistribution(2, BLOCKS)}


def test_a_pair_that_cannot_be_is_never_asked(path: Path) -> None:
    assert all(trial.params["lirp"] < trial.params["lsrp"] for trial in _plain(path).trials)


def test_the_objective_is_the_chosen_metric_and_the_other_an_attribute(path: Path, metric: Metric) -> None:
    study = _plain(path)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE"]
    other = next(candidate for candidate in Metric if candidate is not metric)
    for trial, row in zip(study.trials, ROWS[1:], strict=True):
        assert trial.value == getattr(row, metric.value)
        assert trial.user_attrs == {other.value: getattr(row, other.value), "facts": 8, "shared": 7}


def test_the_baseline_is_told_beside_the_trials(path: Path) -> None:
    assert _plain(path).user_attrs == {"baseline_accuracy": 10.0, "baseline_transferability": 20.0}


def test_the_optimum_is_the_first_best_row_and_the_reports(path: Path, metric: Metric) -> None:
    study = _plain(path)
    assert best_pair(study) == BEST[metric]
    assert study.best_params == {"lirp": BEST[metric].lirp, "lsrp": BEST[metric].lsrp}
    assert metric.value in METRICS
    run = Run(path.parent, "m", "d", "l", "en", BLOCKS, ROWS[0], tuple(ROWS[1:]), (), {})
    best_row = run.best(metric.value)
    assert best_row is not None and best_row.pair == BEST[metric]
    assert study.best_value == value_of(best_row, metric)


def test_where_every_pair_fails_alike_the_first_is_best(tmp_path: Path, metric: Metric) -> None:
    rows = [PairRow(None, None, 0, 0, 8, 7), *(PairRow(p.lirp, p.lsrp, 0, 0, 8, 7) for p in all_pairs(BLOCKS))]
    assert best_pair(write_study(tmp_path / "study.journal", "s", rows, BLOCKS, metric)) == LayerPair(1, 2)


def test_a_pair_that_was_not_evaluated_is_no_trial(tmp_path: Path, metric: Metric) -> None:
    study = write_study(tmp_path / "study.journal", "s", [ROWS[0], *ROWS[2:4]], BLOCKS, metric)
    assert [LayerPair(**trial.params) for trial in study.trials] == [LayerPair(1, 3), LayerPair(1, 4)]


def test_a_model_of_two_blocks_has_a_study_of_one_trial(tmp_path: Path, metric: Metric) -> None:
    study = write_study(tmp_path / "study.journal", "s", ROWS[:2], 2, metric)
    assert best_pair(study) == LayerPair(1, 2) and len(study.trials) == 1


def test_no_trial_has_no_best(tmp_path: Path, metric: Metric) -> None:
    assert best_pair(write_study(tmp_path / "study.journal", "s", ROWS[:1], BLOCKS, metric)) is None


def test_writing_a_study_again_replaces_it_and_leaves_no_other_file(path: Path) -> None:
    write_study(path, "m/d/l", ROWS[:3], BLOCKS, Metric.accuracy)
    assert len(load_study(path, "m/d/l").trials) == 2
    assert [file.name for file in path.parent.iterdir()] == ["study.journal"]


def test_a_study_that_cannot_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("killed while writing")

    monkeypatch.setattr(optuna.Study, "add_trials", fail)
    with pytest.raises(RuntimeError, match="killed"):
        write_study(path, "m/d/l", ROWS[:3], BLOCKS, Metric.accuracy)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["study.journal"]


def test_optuna_speaks_as_before_afterwards(path: Path) -> None:
    before = optuna.logging.get_verbosity()
    write_study(path, "m/d/l", ROWS, BLOCKS, Metric.accuracy)
    assert optuna.logging.get_verbosity() == before
