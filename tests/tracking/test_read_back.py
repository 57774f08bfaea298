"""W&B's offline files, read back after a real search and report: every number in them is one that is on disk.

Each run is compared whole. A key that nobody expected fails too, so that a number added later gets its test.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lrp2_bench.results.damage import read_damage
from lrp2_bench.tracking.wandb_report import read_table
from tests.support.commands import ToyJob, lrp2_bench
from tests.support.read_wandb import OfflineRun, the_run

METRICS = ("accuracy", "transferability")
#: What W&B adds to a run by itself.
OWN = {"_step", "_runtime", "_timestamp", "_wandb", "_wandb.runtime"}


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory,
    model_folder: Callable[[str], Path],
    toy_mlama: Path,
    toy_corpus: Path,
) -> ToyJob:
    """Two languages and the pivot's own row, tracked offline."""
    job = ToyJob(tmp_path_factory.mktemp("searched"), model_folder("bert"), toy_mlama, toy_corpus)
    for language, *more in (("de",), ("zh",), ("en", "search=baseline")):
        assert job.search("tracking=wandb", "tracking.mode=offline", *more, language=language) == 0
    return job


def rows_of(path: Path) -> list[dict[str, float | None]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: float(cell) if cell else None for key, cell in row.items()} for row in csv.DictReader(file)]


def scores_of_hits(folder: Path) -> dict[tuple[int, int] | None, dict[str, float]]:
    """Accuracy and transferability of every pair, counted again from the hits alone."""
    hits = pd.read_parquet(folder / "hits.parquet")
    pivot = pd.read_parquet(folder / "pivot_hits.parquet").set_index(["relation", "uuid"])["hit"].astype(bool)
    scores: dict[tuple[int, int] | None, dict[str, float]] = {}
    for (lirp, lsrp), rows in hits.groupby(["lirp", "lsrp"], dropna=False):
        own = rows.set_index(["relation", "uuid"])["hit"].astype(bool)
        shared = own.index.intersection(pivot.index)
        either, both = own[shared] | pivot[shared], own[shared] & pivot[shared]
        scores[None if math.isnan(float(lirp)) else (int(lirp), int(lsrp))] = {
            "accuracy": 100 * float(own.mean()),
            "transferability": 100 * float(both.sum() / either.sum()) if either.any() else 0.0,
        }
    return scores


def check_search(folder: Path) -> OfflineRun:
    """Every number of the run in ``folder`` against its files."""
    run, pairs, alignment = the_run(folder), rows_of(folder / "pairs.csv"), rows_of_alignment(folder)
    assert run.exit_code == 0
    by_pair = {(row["lirp"], row["lsrp"]): row for row in pairs}
    baseline = by_pair[None, None]
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    best = by_pair[manifest["best"]["lirp"], manifest["best"]["lsrp"]] if manifest["best"] else None

    # pairs.csv itself is what the hits say
    counted = scores_of_hits(folder)
    assert len(counted) == len(pairs)
    for (lirp, lsrp), row in by_pair.items():
        scores = counted[None if lirp is None or lsrp is None else (int(lirp), int(lsrp))]
        assert {metric: row[metric] for metric in METRICS} == pytest.approx(scores, abs=1e-6)

    logged = {key for row in run.history for key in row} - OWN
    media = {"pairs"} | ({f"heatmap/{metric}" for metric in METRICS} if best else set())
    lines = {key for row in alignment for key in row}
    assert {key.split(".")[0] for key in logged} == media | lines

    table = run.media("pairs")
    assert [dict(zip(table["columns"], row, strict=True)) for row in table["data"]] == pairs

    for metric in METRICS if best else ():
        heatmap, mark = run.media(f"heatmap/{metric}")["data"]
        blocks = manifest["model"]["blocks"]
        assert heatmap["x"] == heatmap["y"] == list(range(1, blocks + 1))
        wanted = [[by_pair.get((i, j), {}).get(metric) for j in heatmap["x"]] for i in heatmap["y"]]
        assert heatmap["z"] == wanted
        assert best is not None and (mark["x"], mark["y"]) == ([best["lsrp"]], [best["lirp"]])

    assert [{key: row[key] for key in row if key in lines} for row in run.history if "layer" in row] == alignment

    summary = {key: value for key, value in run.summary.items() if key.split(".")[0] not in media | OWN}
    expected: dict[str, Any] = {
        "facts": baseline["facts"],
        "shared": baseline["shared"],
        "seconds": pytest.approx(manifest["seconds"], abs=1e-3),
        "baseline": {metric: baseline[metric] for metric in METRICS},
    }
    if best is not None:
        expected["best"] = {key: best[key] for key in ("lirp", "lsrp", *METRICS)}
        gain = {metric: (best[metric] or 0) - (baseline[metric] or 0) for metric in METRICS}
        expected["gain"] = pytest.approx(gain, abs=1e-6)
    if damage := read_damage(folder / "damage.csv"):
        before, after = damage[:2]
        change = round(after.pivot_accuracy - before.pivot_accuracy, 6)
        values = {"pivot_accuracy": after.pivot_accuracy, "pivot_accuracy_change": change, "kl": after.kl}
        expected["damage"] = values
    assert summary == expected
    return run


def rows_of_alignment(folder: Path) -> list[dict[str, float]]:
    """``alignment.csv`` in W&B's words; the pivot itself has none, an unmoved side no values."""
    if not (folder / "alignment.csv").exists():
        return []
    words = {"layer": "layer", "baseline": "alignment/baseline", "lrp2": "alignment/lrp2"}
    return [
        {word: value for key, word in words.items() if (value := row[key]) is not None}
        for row in rows_of(folder / "alignment.csv")
    ]


def test_every_number_of_a_search_in_wandb_is_in_its_files_and_follows_from_its_hits(searched: ToyJob) -> None:
    for language in ("de", "zh", "en"):
        run = check_search(searched.folder(language))
        assert run.config["job"]["language"] == language


def check_files(run: OfflineRun, files: dict[Path, Path]) -> set[str]:
    """That every table, figure and page of ``files`` is logged with what is in it, and nothing else; their keys."""
    tables = {f"tables/{path.stem}": path for path in files.values() if path.suffix == ".csv"}
    shown = {f"figures/{path.stem}": path for path in files.values() if path.suffix == ".png"}
    if Path("index.html") in files:
        shown["page"] = files[Path("index.html")]
    logged = {key.rsplit(".", 1)[0] if "." in key else key for row in run.history for key in row} - OWN
    assert logged == {*tables, *shown}
    for key, path in tables.items():
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        table = run.media(key)
        assert table["columns"] == header and len(table["data"]) == len(rows)
        for got, wanted in zip(table["data"], rows, strict=True):
            assert [_same(cell, text) for cell, text in zip(got, wanted, strict=True)] == [True] * len(wanted), wanted
    for key, path in shown.items():
        (copy,) = run.logged(f"{key}.path")
        assert (run.folder / "files" / copy).read_bytes() == path.read_bytes()
    return logged


def check_artifact(run: OfflineRun, kind: str, files: dict[Path, Path]) -> str:
    """That one artifact of this type has all of ``files``, staged with the run; its name."""
    (artifact,) = [found for found in run.artifacts if found.type == kind]
    assert set(artifact.files) == {path.as_posix() for path in files}
    for name, entry in artifact.files.items():
        content = files[Path(name)].read_bytes()
        assert entry.digest == base64.b64encode(hashlib.md5(content).digest()).decode()
        staged = Path(entry.path)
        assert staged.is_relative_to(run.folder), "what waits for the upload lies with the run"
        assert staged.read_bytes() == content
    return artifact.name


def test_every_number_and_file_of_a_report_in_wandb_is_the_one_on_disk(
    searched: ToyJob, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lrp2_bench("report", str(searched.outputs), "tracking=wandb", "tracking.mode=offline", "--quiet") == 0
    folder = Path(capsys.readouterr().out.strip())
    run = the_run(folder)
    assert run.exit_code == 0
    files = {
        path.relative_to(folder): path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "wandb")
    }

    logged = check_files(run, files)
    assert len([key for key in logged if key.startswith("tables/")]) >= 5 and "page" in logged
    artifact = check_artifact(run, "report", files)
    assert artifact == f"report-{searched.folder().parents[2].name}"

    summary = {key: value for key, value in run.summary.items() if key.split(".")[0] not in logged | OWN}
    assert "too few facts for a held-out gain" in summary.pop("headline")
    assert summary == {"runs": 3, "languages": 3, "incomplete": 0}
    assert (run.run["run_group"], run.run["job_type"]) == ("default", "report")
    model = searched.model.name
    assert run.config["job"] == {
        "experiment": "default", "models": [model], "datasets": ["mlama"], "languages": ["de", "en", "zh"],
        "select_by": "transferability",
    }  # fmt: skip


def test_every_number_and_file_of_an_analysis_in_wandb_is_the_one_on_disk(searched: ToyJob) -> None:
    given = [each for each in searched.arguments() if not each.startswith("tracking=")]
    assert lrp2_bench("analyze", "analysis=languages", *given, "tracking=wandb", "tracking.mode=offline") == 0
    model = searched.model.name
    folder = searched.outputs / "default" / model / "analyses" / "languages"
    run = the_run(folder)
    assert run.exit_code == 0
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    files = {
        path.relative_to(folder): path for path in folder.iterdir() if path.is_file() and path.name != "analysis.json"
    }
    logged = check_files(run, files)
    assert {key for key in logged if key.startswith("tables/")} == {
        f"tables/{each['name']}" for each in record["tables"]
    }
    assert check_artifact(run, "analysis", files) == f"languages-{model}-default"
    summary = {key: value for key, value in run.summary.items() if key.split(".")[0] not in logged | OWN}
    assert summary == record["summary"]
    assert (run.run["run_group"], run.run["job_type"]) == ("default", "analysis")
    assert run.config["job"] == {"experiment": "default", "model": model, "analysis": "languages"}


def _same(cell: object, text: str) -> bool:
    """Whether W&B's ``cell`` is the CSV's: a number where it is one, nothing where there is nothing."""
    if cell is None:
        return text == ""
    return cell == text if isinstance(cell, str) else float(text) == cell


def test_a_column_of_numbers_holds_numbers_and_every_other_one_texts(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('language,p,mixed,empty\nnan,1e-12,1,\n"a,b",,x,\n', encoding="utf-8")
    columns, rows = read_table(path)
    assert columns == ["language", "p", "mixed", "empty"]
    assert rows == [["nan", 1e-12, "1", None], ["a,b", None, "x", None]]
