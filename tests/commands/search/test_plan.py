"""The forecast counts what the engine then runs."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from rich.console import Console

from lrp2_bench.commands.search.plan import forecast, run_plan
from lrp2_bench.commands.search.projection import Projection, choose_projection
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings, SearchCommand, SearchKind
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.frontier import FrontierRunner, Work
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.pools import pool_of
from tests.support.commands import ToyJob

LANGUAGES = ("de", "en", "zh")


def _projection(settings: SearchCommand) -> Projection:
    return choose_projection(settings, lambda: LANGUAGES)


def _settings(folder: Path) -> SearchCommand:
    return SearchCommand(model=ModelSettings(path=str(folder), device="cpu"), language="de")


def _no_corpus() -> NoReturn:
    raise BenchError("corpus.path is not set.")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrp2_bench.commands.search.rates._TIMING", 0.0)


def test_one_side_alone_is_forecast_as_the_few_settings_it_is(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    settings = _settings(model_folder("bert"))
    settings.projection.kind = "lirp_only"
    model = load_model(find_checkpoint(settings.model), settings.model)
    told = forecast(model, MLama(toy_mlama).facts("de", "en", DataWarnings()), settings, _projection(settings))
    assert len(told.plan.settings) == model.blocks


def test_a_way_back_that_acts_before_it_is_left_is_counted_at_each_of_its_strengths(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    runs = {}
    for kind in ("lrp2", "recover"):
        settings = _settings(model_folder("bloom"))
        settings.projection.kind, settings.search.strengths = kind, [1.0]
        settings.search.strengths_back = [0.25, 0.5, 1.0]
        model = load_model(find_checkpoint(settings.model), settings.model)
        told = forecast(model, MLama(toy_mlama).facts("de", "en", DataWarnings()), settings, _projection(settings))
        runs[kind] = told.plan.block_runs, told.certain.flops
    after_lirp = 3 + 2 + 1
    assert runs["recover"][0] == runs["lrp2"][0] + 2 * after_lirp
    assert runs["recover"][1] > 1.2 * runs["lrp2"][1]


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_the_engine_runs_at_least_the_certain_and_at_most_the_possible(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(model_folder(architecture))
    model = load_model(find_checkpoint(settings.model), settings.model)
    facts = MLama(toy_mlama).facts("de", "de", DataWarnings())  # the language alone, so that one plan counts it all
    told = forecast(model, facts, settings, _projection(settings))
    works: list[Work] = []
    full = partial = 0
    start = FrontierRunner.__init__

    def remember(self: FrontierRunner, *arguments: object) -> None:
        start(self, *arguments)
        works.append(self.work)

    monkeypatch.setattr(FrontierRunner, "__init__", remember)
    limits, log_partition = limits_for(model, told.plan, settings.grid), build_log_partition(model, settings.grid)
    for relation in facts.relations:
        pool = pool_of(relation, pool_size(model, settings.probing), settings.seed)
        probe = build_probe(model, relation, pool, relation.name, settings.probing, log_partition, DataWarnings())
        shift = model.model.get_input_embeddings().weight[: model.blocks + 1].detach()
        evaluate(probe, told.plan, shift, range(len(relation.facts)), limits, lambda steps=1: None)
        full += probe.counts.rough_log_partitions + probe.counts.exact_log_partitions
        partial += probe.counts.partial_log_partitions
    ran = sum(work.rows for work in works), sum(work.finals for work in works), sum(work.tokens for work in works)
    least = told.certain.rows, told.certain.finals, told.certain.tokens
    most = told.certain + told.possible
    assert all(low <= here for low, here in zip(least, ran, strict=True))
    assert ran[0] <= most.rows and ran[1] <= most.finals and ran[2] <= most.tokens
    assert full <= told.log_partitions and partial <= told.log_partitions
    if architecture == "bloom":
        assert 0.2 < told.likely.rows / full < 5 and 0.2 < told.likely.partial_rows / partial < 5
        assert ran == least, "a causal model runs every sentence once, whatever the scores"


def test_the_table_names_counts_and_seconds_and_runs_nothing(
    model_folder: Callable[[str], Path], toy_mlama: Path, tmp_path: Path
) -> None:
    settings = _settings(model_folder("bert"))
    with (tmp_path / "out").open("w+") as file:
        run_plan(settings, lambda: MLama(toy_mlama), _no_corpus, Console(file=file, width=120))
        file.seek(0)
        text = file.read()
    assert "24 facts in 7 configurations" in text
    assert all(word in text for word in ("block runs", "TFLOP", "likely seconds in all", "GiB"))


def test_memory_is_told_before_weights_are_read(
    model_folder: Callable[[str], Path], toy_mlama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr("lrp2_bench.commands.search.plan.load_model", load)
    said = io.StringIO()
    with pytest.raises(InterruptedError):
        run_plan(_settings(model_folder("bert")), lambda: MLama(toy_mlama), _no_corpus, Console(file=said, width=120))
    ways = "(0.00 in bfloat16, 0.00 in float16, 0.00 in int8+bfloat16, 0.00 in nf4+bfloat16)"
    assert f"Weights in float32 take 0.00 GiB {ways}, states up to 1.00 GiB; free on cpu: " in said.getvalue()
    monkeypatch.setattr("lrp2_bench.commands.search.plan.free_bytes", lambda device: 4096)
    with pytest.raises(InterruptedError):
        run_plan(_settings(model_folder("bert")), lambda: MLama(toy_mlama), _no_corpus, Console(file=said, width=120))
    assert "is more than is free on cpu: 0.00 GiB." in said.getvalue()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (SearchKind.racing, "search=racing takes about 25 % of the seconds of hits"),
        (SearchKind.tpe, "search=tpe takes a part of the seconds of hits"),
    ],
)
def test_a_search_that_chooses_its_pairs_is_told_beside_the_whole_grid(
    kind: SearchKind, told: str, model_folder: Callable[[str], Path], toy_mlama: Path, tmp_path: Path
) -> None:
    settings = _settings(model_folder("bert"))
    settings.search.kind = kind
    with (tmp_path / "out").open("w+") as file:
        run_plan(settings, lambda: MLama(toy_mlama), _no_corpus, Console(file=file, width=120))
        file.seek(0)
        text = file.read()
    assert "24 facts in 7 configurations" in text and told in text


def test_a_multirun_tells_the_sum_of_what_is_left_and_leaves_finished_jobs_out(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    assert job.search() == 0
    seconds = {"zh": 20.4, "cy": 3600.0}

    def estimate(settings: Any, *_: Any) -> float:
        return seconds[settings.language]

    with monkeypatch.context() as patched:
        patched.setattr("lrp2_bench.commands.search.plan.run_plan", estimate)
        capsys.readouterr()
        assert job.search("-m", "plan=true", "language=de,zh,cy") == 0
    said = capsys.readouterr().err
    assert "Finished before, with nothing changed since: 1 of 3 jobs." in said
    assert "Planned: 3,620 s (1.0 h) in all for 2 jobs, one after another." in said


def test_relations_that_are_done_are_left_out_of_a_plan(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("shard.count=2", "shard.index=0") == 0
    assert job.search("plan=true") == 0
    said = capsys.readouterr().out
    done = int(re.search(r"(\d) of 3 relations are done already and left out.", said)[1])  # type: ignore[index]
    left = int(re.search(r"(\d+) facts in 7 configurations", said)[1])  # type: ignore[index]
    assert 0 < done < 3 and 0 < left < 24
    assert job.search() == 0 and job.search("plan=true", "-m") == 0
    told = capsys.readouterr()
    assert "Planned" not in told.err and "configurations" not in told.out, "nothing is left of it"
    (job.folder() / "done.json").unlink()
    assert job.search("plan=true", "-m") == 0
    assert "Planned: 0 s in all for 1 job, one after another." in capsys.readouterr().err
    (job.folder() / "alignment.csv").unlink()
    assert job.search("plan=true", "projection.seeds=5") == 0
    said = capsys.readouterr().out
    assert "3 of 3 relations are done already" in said and "damage" not in said
    assert "Left to do beside hits: alignment (24 facts), " in said
    assert "Left to do beside hits: random draws (5), " in said
