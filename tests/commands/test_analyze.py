"""``lrp2-bench analyze``: what it leaves on disk, what a report makes of it, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.settings import AnalyzeCommand
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.data.language_table import language_family
from lrp2_bench.render.plain import to_csv
from lrp2_bench.render.stored_tables import table_from_json, table_to_json
from lrp2_bench.render.table import Column, Table
from tests.support import toy
from tests.support.commands import lrp2_bench


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUTPUTS with one analysis of a shipped model."""
    root = tmp_path_factory.mktemp("analyzed")
    assert _analyze(root, "language=de,ru") == 0
    return root / "outputs"


def _analyze(root: Path, *more: str) -> int:
    return lrp2_bench(
        "analyze", "analysis=languages", "model=tiny_mbert", "dataset=cldr", "corpus=cldr", "corpus.sentences=20",
        f"paths.outputs={root / 'outputs'}", f"paths.cache={root / 'cache'}", *more,
    )  # fmt: skip


def test_an_analysis_leaves_its_tables_and_what_it_was_made_of(analyzed: Path) -> None:
    folder = analyzed / "default" / "tiny_mbert" / "analyses" / "languages"
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    assert record["config"]["languages"] == ["de", "ru"] and record["model"]["name"] == "tiny_mbert"
    for stored in record["tables"]:
        table = table_from_json(stored)
        assert (folder / f"{table.name}.csv").read_text("utf-8") == to_csv(table)
        assert (folder / f"{table.name}.md").exists() and (folder / f"{table.name}.tex").exists()
    for stem in record["figures"]:
        assert (folder / f"{stem}.png").exists() and (folder / f"{stem}.pdf").exists()


def test_a_report_shows_analyses_even_where_nothing_was_searched(analyzed: Path, tmp_path: Path) -> None:
    assert lrp2_bench("report", str(analyzed), f"output={tmp_path}") == 0
    folder = analyzed / "default" / "tiny_mbert" / "analyses" / "languages"
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    for stored in record["tables"]:
        name = f"{stored['name']}.csv"
        assert (tmp_path / "data" / name).read_bytes() == (folder / name).read_bytes()
    for stem in record["figures"]:
        assert (tmp_path / "figures" / f"{stem}.png").read_bytes() == (folder / f"{stem}.png").read_bytes()


def test_a_damaged_analysis_is_named_and_costs_the_report_nothing(
    analyzed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(analyzed, tmp_path / "outputs")
    other = tmp_path / "outputs" / "other" / "m" / "analyses" / "languages"
    other.mkdir(parents=True)
    (other / "analysis.json").write_text("{", "utf-8")
    assert lrp2_bench("report", str(tmp_path / "outputs"), f"output={tmp_path / 'report'}") == 0
    assert "run it again" in capsys.readouterr().out
    assert list((tmp_path / "report" / "data").glob("languages_*.csv"))


def test_an_analysis_with_other_settings_says_what_it_replaces(
    analyzed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(analyzed.parent, tmp_path / "copy")
    assert _analyze(tmp_path / "copy", "language=de") == 0
    shown = capsys.readouterr()
    assert "other settings (languages)" in shown.err + shown.out


def test_what_an_earlier_run_drew_of_other_layers_does_not_stay(analyzed: Path, tmp_path: Path) -> None:
    shutil.copytree(analyzed.parent, tmp_path / "copy")
    folder = tmp_path / "copy" / "outputs" / "default" / "tiny_mbert" / "analyses" / "languages"
    (folder / "notes.txt").write_text("mine", "utf-8")
    assert _analyze(tmp_path / "copy", "language=de,ru,fr,es", "analysis.layers=[0,6]") == 0
    first = {path.name for path in folder.iterdir()}
    assert _analyze(tmp_path / "copy", "language=de,ru,fr,es", "analysis.layers=[6]") == 0
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    left = {path.name for path in folder.iterdir()}
    assert left == {"analysis.json", "notes.txt", *record["files"]} and left < first


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("language=hihg", "high"),
        ("language=en", "No language to compare with"),
        ("analysis=langauges", "languages"),
        ("language=xx", "xx"),
    ],
)
def test_what_cannot_be_analyzed_is_refused_with_the_next_step(
    given: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _analyze(tmp_path, given) == 1
    shown = capsys.readouterr()
    assert told in shown.err and "Traceback" not in shown.err


def test_tables_come_back_from_json_as_they_were() -> None:
    kinds = ("text", "count", "percent", "interval", "pair", "share", "p")
    table = Table(
        "name", "Title", tuple(Column(kind, kind, kind) for kind in kinds),
        (("a", 3, 1.25, Interval(1.0, 0.5, 2.0), LayerPair(1, 4), (2, 3), 0.01), (None,) * 7), ("A note.",),
    )  # fmt: skip
    stored = json.loads(json.dumps(table_to_json(table)))
    assert table_from_json(stored) == table


def test_groups_and_languages_of_the_users_own_are_those_of_the_dataset_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = toy.build_mlama(tmp_path)
    shutil.copytree(folder / "mlama1.1" / "de", folder / "mlama1.1" / "is")
    (tmp_path / "mine.csv").write_text("code,name,family,articles\nis,Icelandic,Indo-European,57000\n")
    seen: list[tuple[list[str], str | None]] = []

    def look(settings: AnalyzeCommand, config: object, *made: Any) -> None:
        subject = Subject(settings, made[1], made[2], made[-1])
        seen.append((subject.languages(()), language_family("is")))

    monkeypatch.setattr("lrp2_bench.commands.analyze.run_analyze", look)
    given = ["analyze", "dataset=mlama", f"dataset.path={folder}"]
    own = f"languages.path={tmp_path / 'mine.csv'}"
    for languages in ("languages=[low,zh]", "language=low,zh"):
        assert lrp2_bench(*given, languages, own) == 0
    assert lrp2_bench(*given, "languages=[high]") == 0
    assert seen == [(["is", "zh"], "Indo-European")] * 2 + [(["de", "zh"], None)]
    assert lrp2_bench(*given, "languages=[low]") == 1
    assert "No language to compare with the pivot 'en'" in capsys.readouterr().err
