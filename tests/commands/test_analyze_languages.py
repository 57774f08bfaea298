"""``lrp2-bench analyze`` adds languages to those there are, keeps them when it is stopped, and says what it drops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lrp2_bench.analyses.base import Analysis, AnalysisResult, LanguageAnalysis
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.commands.analyze import run_analyze
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import AnalyzeCommand, ModelSettings, PathSettings
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.render.table import Column, Table
from lrp2_bench.tracking.base import NoTracker
from tests.support import toy
from tests.support.commands import ToyJob, lrp2_bench


@dataclass(frozen=True)
class _Counted:
    language: str
    facts: int


class _Count(LanguageAnalysis[_Counted]):
    """Counts a language's facts; stops before the language ``stop``, as a kill would."""

    name = "count"
    kind = _Counted

    def __init__(self, stop: str = "", meanwhile: Callable[[], object] = lambda: None) -> None:
        self._stop, self._meanwhile = stop, meanwhile

    def measure(self, subject: Subject) -> Iterator[_Counted]:
        for language in subject.languages(()):
            if language == self._stop:
                raise KeyboardInterrupt
            facts = subject.dataset.facts(language, subject.pivot, subject.data_warnings)
            yield _Counted(language, sum(len(relation.facts) for relation in facts.relations))
        self._meanwhile()

    def show(self, subject: Subject, found: Sequence[_Counted]) -> AnalysisResult:
        columns = (Column("language", "Language", "text"), Column("facts", "Facts", "count"))
        rows = tuple((one.language, one.facts) for one in found)
        own = tuple(Table(f"one_{one.language}", "One", columns, ((one.language, one.facts),)) for one in found)
        return AnalysisResult((Table("count", "Facts", columns, rows), *own))


class _Whole(Analysis):
    name = "whole"

    def run(self, subject: Subject) -> AnalysisResult:
        columns = (Column("language", "Language", "text"),)
        return AnalysisResult((Table("whole", "All", columns, tuple((each,) for each in subject.languages(()))),))


class _Runs:
    """The command on a toy model with analyses of the test's own."""

    def __init__(self, root: Path, model: Path, mlama: Path, corpus: Path) -> None:
        self.mlama, self.corpus, self.options = mlama, corpus, {"steps": 1}
        self.settings = AnalyzeCommand(
            model=ModelSettings(path=str(model), device="cpu"), dataset={"name": "mlama", "path": str(mlama)},
            corpus={"sentences": 4}, paths=PathSettings(str(root / "outputs"), str(root / "cache")),
        )  # fmt: skip

    def __call__(self, *languages: str, analysis: Analysis | None = None, **changed: Any) -> Path:
        settings = replace(self.settings, languages=list(languages), **changed)
        config = {"analysis": self.options, "languages": settings.languages, "seed": settings.seed}
        return run_analyze(
            settings, config, lambda: analysis or _Count(), lambda: MLama(str(self.mlama)),
            lambda: TextCorpus(str(self.corpus), 4), NoTracker, Console(quiet=True),
        )  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path) -> _Runs:
    return _Runs(tmp_path, model_folder("bert"), toy_mlama, toy_corpus)


def _record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "analysis.json").read_text("utf-8"))
    return found


def _languages(folder: Path) -> list[str]:
    rows = _record(folder)["tables"][0]["rows"]
    csv = (folder / f"{_record(folder)['tables'][0]['name']}.csv").read_text("utf-8").splitlines()[1:]
    assert [row[0] for row in rows] == [line.split(",")[0] for line in csv]
    return [row[0] for row in rows]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".csv", ".md", ".tex", ".png")}


def test_languages_join_those_of_earlier_runs_and_one_language_is_replaced(runs: _Runs) -> None:
    folder = runs("zh")
    assert runs("de") == folder and _languages(folder) == ["de", "zh"]
    kept = folder / "languages" / "de.json"
    kept.write_text(kept.read_text("utf-8").replace('"facts": 24', '"facts": 99'), "utf-8")
    runs("zh")
    assert _record(folder)["tables"][0]["rows"][0] == ["de", 99], "what is kept is what is shown"
    runs("de")
    assert _record(folder)["tables"][0]["rows"][0] == ["de", 24]
    assert {"one_de.csv", "one_zh.csv"} <= set(_files(folder)) and _record(folder)["config"]["languages"] == ["de"]


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({"seed": 1}, "another seed"),
        ({"select_by": "accuracy"}, "another select_by"),
        ({"pivot": "de"}, "another pivot, dataset"),
        ({"dataset": {"name": "mlama", "limit": 3}}, "another dataset"),
    ],
)
def test_languages_of_other_settings_leave_and_are_named(
    before: dict[str, Any], told: str, runs: _Runs, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runs("zh", **before)
    runs("de")
    assert _languages(folder) == ["de"] and "one_zh.csv" not in _files(folder)
    assert f"'zh' was analysed with {told} and is replaced" in caplog.text and str(folder) in caplog.text


def test_facts_that_changed_on_disk_are_another_dataset_and_another_place_is_not(
    runs: _Runs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runs("zh")
    runs.mlama = toy.build_mlama(tmp_path / "elsewhere")
    runs("de")
    assert _languages(folder) == ["de", "zh"]
    facts = next((runs.mlama / "mlama1.1" / "en").glob("P36.jsonl"))
    facts.write_text("".join(facts.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    runs("de")
    assert _languages(folder) == ["de"] and "'zh' was analysed with another dataset" in caplog.text


def test_other_weights_are_refused_and_nothing_changes(
    runs: _Runs, tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    folder = runs("zh")
    before = _files(folder)
    other = ModelSettings(path=str(model_folder("bloom")), name="bert", device="cpu")
    with pytest.raises(BenchError, match="another model named 'bert'"):
        runs("de", model=other)
    assert _files(folder) == before and _languages(folder) == ["zh"]


def test_a_run_stopped_half_way_loses_neither_what_was_there_nor_what_it_had_measured(runs: _Runs) -> None:
    folder = runs("zh")
    before = _files(folder), _record(folder)
    with pytest.raises(KeyboardInterrupt):
        runs("de", "zh", analysis=_Count(stop="zh"))
    assert (_files(folder), _record(folder)) == before
    runs("zh")
    assert _languages(folder) == ["de", "zh"]


def test_a_run_stopped_while_it_writes_leaves_a_record_whose_files_are_all_there(
    runs: _Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = runs("zh")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("lrp2_bench.commands.analyze.write_json", stop)
        runs("de")
    assert all((folder / name).exists() for name in _record(folder)["files"])
    assert _record(folder)["tables"][0]["rows"] == [["zh", 23]]
    runs("zh")
    assert _languages(folder) == ["de", "zh"]


def test_two_jobs_at_a_time_end_with_the_languages_of_both(runs: _Runs) -> None:
    folder = runs("zh", analysis=_Count(meanwhile=lambda: runs("de")))
    assert _languages(folder) == ["de", "zh"]


def test_a_damaged_language_is_named_and_stays_out(runs: _Runs, caplog: pytest.LogCaptureFixture) -> None:
    folder = runs("zh")
    (folder / "languages" / "zh.json").write_text('{"language": "zh"', "utf-8")
    runs("de")
    assert _languages(folder) == ["de"] and "zh.json' cannot be read" in caplog.text


def test_languages_of_folders_made_before_they_were_kept_are_named(
    runs: _Runs, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runs("zh")
    (folder / "languages" / "zh.json").unlink()
    runs("de")
    assert _languages(folder) == ["de"] and "(zh) whose results were not kept one by one" in caplog.text


def test_an_analysis_of_the_whole_model_is_of_the_languages_named_last(
    runs: _Runs, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runs("zh", analysis=_Whole())
    runs("de", analysis=_Whole())
    assert _languages(folder) == ["de"] and "This replaces an analysis with other settings (languages)" in caplog.text


@pytest.mark.parametrize(
    ("analysis", "settings"),
    [
        pytest.param(
            "neurons", ["analysis.steps=2", "analysis.per_prompt=3", "analysis.per_relation=5"], marks=pytest.mark.slow
        ),
        pytest.param("alignment", ["analysis.resamples=100"], marks=pytest.mark.slow),
        pytest.param("lens", ["analysis.resamples=100"], marks=pytest.mark.slow),
        ("retrieval", ["analysis.sentences=facts"]),
    ],
)
def test_one_language_after_another_gives_the_files_of_all_at_once(
    analysis: str, settings: list[str], toy_job: Callable[..., ToyJob], tmp_path: Path
) -> None:
    job = toy_job()
    home = Path("default", job.model.name, "analyses", analysis)

    def analyze(language: str, outputs: Path) -> Path:
        given = [*job.arguments(language), "pair=[1,3]", *settings, f"paths.outputs={outputs}"]
        assert lrp2_bench("analyze", f"analysis={analysis}", *given) == 0
        return outputs / home

    once = _files(analyze("de,zh", tmp_path / "once"))
    for language in ("zh", "de"):
        one_by_one = _files(analyze(language, tmp_path / "each"))
    assert one_by_one == once and len(once) > 3
