"""Ablations as jobs: folders of their own, whole grids from few settings, and one table beside LRP2."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.files import with_own_digest, write_json
from lrp2_bench.core.types import all_pairs
from lrp2_bench.results.tables import read_pairs
from tests.support.commands import ToyJob, contents, manifest_of, snapshot

BLOCKS = 4
SWEPT = ("lrp2", "lirp_only", "lsrp_only", "random", "shuffled", "other_pivot")


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory,
    model_folder: Callable[[str], Path],
    toy_mlama: Path,
    toy_corpus: Path,
) -> ToyJob:
    """Every projection, from one multirun."""
    job = ToyJob(tmp_path_factory.mktemp("swept"), model_folder("bert"), toy_mlama, toy_corpus)
    assert job.search("-m", f"projection={','.join(SWEPT[:-1])}") == 0
    assert job.search("projection=other_pivot", "projection.language=zh") == 0
    return job


def _folder(job: ToyJob, projection: str) -> Path:
    name = "other_pivot_zh" if projection == "other_pivot" else projection
    return job.folder(experiment="default" if projection == "lrp2" else f"default/{name}")


@pytest.mark.parametrize("projection", SWEPT)
def test_every_projection_has_a_folder_with_the_whole_grid(projection: str, swept: ToyJob) -> None:
    folder = _folder(swept, projection)
    rows = read_pairs(folder / "pairs.csv")
    assert [row.pair for row in rows] == [None, *all_pairs(BLOCKS)]
    hits = pd.read_parquet(folder / "hits.parquet")
    assert hits.hit.notna().all() and len(hits) == rows[0].facts * len(rows)
    assert rows[0] == read_pairs(swept.folder() / "pairs.csv")[0], "nothing moves in the baseline"


@pytest.mark.parametrize(("projection", "side"), [("lirp_only", "lirp"), ("lsrp_only", "lsrp")])
def test_one_side_alone_is_evaluated_once_a_layer_and_stands_in_every_pair(
    projection: str, side: str, swept: ToyJob
) -> None:
    folder = _folder(swept, projection)
    hits = pd.read_parquet(folder / "hits.parquet").dropna(subset=["lirp"])
    for _, cells in hits.groupby([side, "relation", "uuid"]):
        assert cells.hit.nunique() == 1
    stored = pd.concat(pd.read_parquet(path) for path in folder.glob("relations/*-language-*.parquet"))
    assert len(stored[["lirp", "lsrp"]].dropna().drop_duplicates()) == BLOCKS - 1
    assert manifest_of(folder)["projection"]["distinct_pairs"] == BLOCKS - 1


def test_the_projection_is_part_of_the_identity_and_lrp2s_is_what_it_was(swept: ToyJob) -> None:
    named = {projection: manifest_of(_folder(swept, projection))["identity"]["projection"] for projection in SWEPT}
    assert named == {
        "lrp2": "lrp2",
        "lirp_only": "lirp_only",
        "lsrp_only": "lsrp_only",
        "random": "random(seed=0)",
        "shuffled": "shuffled(zh)",
        "other_pivot": "other_pivot(zh)",
    }
    assert set(manifest_of(swept.folder())["identity"]["vectors"]) == {"language", "pivot"}
    assert manifest_of(_folder(swept, "shuffled"))["identity"]["vectors"]["other"]


def test_projections_move_differently(swept: ToyJob) -> None:
    tables = {contents(_folder(swept, projection), ("hits.parquet",))["hits.parquet"] for projection in SWEPT}
    assert len(tables) > 2, "toy models answer some of them alike, but not all"


def test_an_ablation_goes_on_where_it_was(swept: ToyJob) -> None:
    folder = _folder(swept, "lirp_only")
    before = {name: told for name, told in snapshot(folder).items() if name.startswith("relations")}
    assert swept.search("projection=lirp_only") == 0
    assert {name: told for name, told in snapshot(folder).items() if name.startswith("relations")} == before


def test_a_seed_has_a_folder_of_its_own_and_other_company_is_refused(
    swept: ToyJob, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept.search("projection=random", "projection.seed=1", "search=baseline") == 0
    assert (swept.folder(experiment="default/random_seed1") / "pairs.csv").exists()
    folder = _folder(swept, "shuffled")
    manifest = (folder / "manifest.json").read_text("utf-8")
    try:
        write_json(
            folder / "manifest.json", with_own_digest(json.loads(manifest.replace("shuffled(zh)", "shuffled(fr)")))
        )
        assert swept.search("projection=shuffled") == 1
    finally:
        (folder / "manifest.json").write_text(manifest, "utf-8")
        swept.search("projection=shuffled")
    assert "projection: stored shuffled(fr), now shuffled(zh)" in "".join(capsys.readouterr())


def test_a_projection_without_its_language_is_an_error_that_says_so(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy_job().search("projection=other_pivot") == 1  # German's own space by default
    assert "would change nothing" in "".join(capsys.readouterr())


@pytest.mark.usefixtures("without_figures")
def test_the_report_compares_them_in_one_table(swept: ToyJob, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    folder = run_report([swept.outputs / "default"], tmp_path, "transferability", console).folder
    name = swept.model.name
    rows = list(csv.DictReader(io.StringIO((folder / "data" / f"ablations_{name}_mlama.csv").read_text("utf-8"))))
    assert [row["projection"] for row in rows] == [*SWEPT[:4], "shuffled (zh)", "other_pivot_zh"]
    assert [int(row["settings"]) for row in rows] == [6, 3, 3, 6, 6, 6]
    for row, projection in zip(rows, SWEPT, strict=True):
        baseline, *pairs = read_pairs(_folder(swept, projection) / "pairs.csv")
        best = max(pairs, key=lambda pair: pair.transferability)
        assert (row["best_lirp"], row["best_lsrp"]) == (str(best.lirp), str(best.lsrp))
        change = best.transferability - baseline.transferability
        assert float(row["transferability_change"]) == pytest.approx(change, abs=1e-5)
        assert float(row["transferability_change_low"]) <= change + 1e-5
        assert float(row["accuracy_change"]) == pytest.approx(best.accuracy - baseline.accuracy, abs=1e-5)
        of = "" if projection == "lrp2" else f"_{_folder(swept, projection).parents[2].name}"
        (sure,) = _csv(folder / "data" / f"significance_{name}{of}_mlama.csv")
        assert row["transferability_held_out"] == sure["transferability_held_out"]
        if projection == "lrp2":
            assert row["transferability_less_lrp2"] == ""
        else:
            less = change - float(rows[0]["transferability_change"])
            assert float(row["transferability_less_lrp2"]) == pytest.approx(less, abs=1e-5)
    tables = {path.name for path in (folder / "data").glob("table1_*.csv")}
    assert f"table1_{name}_mlama.csv" in tables and f"table1_{name}_random_mlama.csv" in tables


def _csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


@pytest.mark.usefixtures("without_figures")
def test_an_ablation_never_passes_for_lrp2_in_tables_the_verdict_and_the_page(swept: ToyJob, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=120)
    folder, name = (
        run_report([swept.outputs / "default"], tmp_path, "transferability", console).folder,
        swept.model.name,
    )
    subjects = {row["subject"] for row in _csv(folder / "data" / "verdict.csv")}
    assert f"{name} on mlama, 1 language" in subjects and not any("random" in subject for subject in subjects)
    shown = str(console.file.getvalue()) if isinstance(console.file, io.StringIO) else ""
    assert "LRP2 and its ablations" in shown and f"{name} on mlama" in shown and f"{name}_random on mlama" not in shown
    assert f"Not shown, but written: tables of each ablation ({name}_lirp_only" in shown

    (whole,), (side,) = (_csv(folder / "data" / f"significance_{name}{of}_mlama.csv") for of in ("", "_lirp_only"))
    assert (whole["confidence_set_of"], side["confidence_set_of"]) == ("6", "3"), "pairs that move alike count once"
    own = (folder / "tables" / f"table1_{name}_random_mlama.md").read_text("utf-8")
    assert "with random" in own and "LRP2" not in own.replace("by LRP2's length", "")
    assert "in random directions" in own and "An ablation" not in (
        folder / "tables" / f"table1_{name}_mlama.md"
    ).read_text("utf-8")

    page = (folder / "index.html").read_text("utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    groups = {group["intervention"]: group for group in data["groups"]}
    assert {group["model"] for group in data["groups"]} == {name}
    assert data["groups"][0]["intervention"] == "lrp2", "the page opens with LRP2's own"
    assert groups["lrp2"]["method"] == "LRP2" and groups["shuffled"]["method"] == "shuffled"
    notes = {intervention: group["runs"][0]["notes"] for intervention, group in groups.items()}
    assert (
        not any("shift" in note for note in notes["lrp2"])
        and "the shift of another language, zh" in notes["shuffled"][0]
    )


@pytest.mark.usefixtures("without_figures")
def test_without_ablations_there_is_no_such_table(swept: ToyJob, tmp_path: Path) -> None:
    run_report([swept.folder().parent], tmp_path, "transferability", Console(file=io.StringIO()))
    assert not list(tmp_path.rglob("ablations_*"))
