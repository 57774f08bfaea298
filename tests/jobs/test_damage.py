"""``damage.csv``: the pivot's own facts under the intervention, and the KL on neutral sentences."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.mlama import MLama
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.results.damage import DamageRow, as_stored, read_damage, write_damage
from tests.support import naive
from tests.support.commands import ToyJob, lrp2_bench, manifest_of, pairs_of, snapshot
from tests.support.probing import load

Build = Callable[..., ToyJob]


def test_a_job_measures_what_its_best_pair_costs_the_pivot(toy_job: Build, toy_mlama: Path) -> None:
    job = toy_job()
    assert job.search() == 0
    folder = job.folder()
    baseline, best = read_damage(folder / "damage.csv")
    chosen = manifest_of(folder)["best"]
    assert baseline.pair is None and best.pair == LayerPair(chosen["lirp"], chosen["lsrp"])
    assert baseline.kl == 0.0 and best.kl > 0.0 and best.sentences == 1  # corpus.sentences=1
    facts = MLama(toy_mlama).facts("de", "en", DataWarnings())
    vectors = {}
    for code in ("de", "en"):
        [path] = (job.root / "cache" / "vectors" / code).glob("*.safetensors")
        vectors[code] = load_file(path)["vectors"]
    model = load(job.model)
    hits = [
        naive.evaluate(
            model.model, model.tokenizer, relation, [list(pool_of(relation, None, 0).labels)] * len(relation.facts),
            [None, best.pair], vectors["de"], vectors["en"],
        ).hits
        for relation in facts.pivot_relations
    ]  # fmt: skip
    for number, row in enumerate((baseline, best)):
        right = [each[number] for each in hits]
        assert row.facts == sum(map(len, right))
        assert row.pivot_accuracy == pytest.approx(100 * sum(int(each.sum()) for each in right) / row.facts, abs=1e-5)


def test_an_older_folder_gets_it_and_keeps_all_it_had(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("damage=false") == 0
    folder = job.folder()
    before = {path: digest for path, (digest, _) in snapshot(folder).items()}
    assert not (folder / "damage.csv").exists()
    assert job.search() == 0
    written = (folder / "damage.csv").read_bytes()
    assert "damage.csv" in manifest_of(folder)["files"]
    after = {path: digest for path, (digest, _) in snapshot(folder).items()}
    assert all(after[name] == before[name] for name in ("pairs.csv", "hits.parquet", "alignment.csv"))
    (folder / "damage.csv").write_text("lirp,lsrp\n1,2\n")
    assert job.search() == 0
    assert (folder / "damage.csv").read_bytes() == written
    assert any("damage.csv" in kind for kind in manifest_of(folder)["data_warnings"])


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [
        DamageRow(None, 50.0, 0.0, 8, 200),
        DamageRow(LayerPair(1, 2, 0.5, 0.25), as_stored(100 / 3), as_stored(0.123456789), 8, 200),
        DamageRow(LayerPair(1, 2, 0.5), 0.0, math.inf, 8, 200),
    ]
    write_damage(tmp_path / "damage.csv", rows)
    lines = list(csv.reader((tmp_path / "damage.csv").open()))
    assert lines[0] == ["lirp", "lsrp", "strength", "strength_back", "pivot_accuracy", "kl", "facts", "sentences"]
    assert lines[1] == ["", "", "", "", "50.000000", "0.000000", "8", "200"]
    assert read_damage(tmp_path / "damage.csv") == rows
    write_damage(tmp_path / "damage.csv", [rows[0], DamageRow(LayerPair(1, 2), 1.0, 1.0, 8, 200)])
    assert (tmp_path / "damage.csv").read_text().startswith("lirp,lsrp,pivot_accuracy,kl,facts,sentences\n")


@pytest.mark.parametrize("text", ["lirp,lsrp\n1,2\n", "lirp,lsrp,pivot_accuracy,kl,facts,sentences\n2,1,5,1,8,9\n",
                                  "lirp,lsrp,pivot_accuracy,kl,facts,sentences\n1,2,105,1,8,9\n"])  # fmt: skip
def test_a_damaged_file_is_refused_with_the_next_step(text: str, tmp_path: Path) -> None:
    (tmp_path / "damage.csv").write_text(text)
    with pytest.raises(BenchError, match=r"(?s)damage.csv.*Delete it and run the same"):
        read_damage(tmp_path / "damage.csv")


def test_vectors_from_files_leave_the_kl_out_and_say_so(toy_job: Build, tmp_path: Path) -> None:
    job = toy_job()
    for code in ("de", "en"):
        arguments = [each for each in job.arguments(code) if not each.startswith(("dataset", "tracking", "paths.out"))]
        assert lrp2_bench("vectors", *arguments, f"output={tmp_path / 'vectors'}") == 0
    assert job.search(f"vectors.path={tmp_path / 'vectors'}", "corpus.path=/nowhere") == 0
    _, best = read_damage(job.folder() / "damage.csv")
    assert math.isnan(best.kl) and best.sentences == 0 and not math.isnan(best.pivot_accuracy)
    assert any("vectors.path" in kind for kind in manifest_of(job.folder())["data_warnings"])
    assert len(pairs_of(job.folder())) == 7
