"""Run folders are found at any depth, and a broken one is named instead of breaking the report."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.results.runs import Run, find_runs
from tests.support.run_folders import write_json, write_run

pytestmark = pytest.mark.no_torch


def only_run(root: Path) -> Run:
    (run,), unfinished = find_runs([root])
    assert unfinished == []
    return run


@pytest.mark.parametrize("depth", ["", "paper", "paper/mbert", "paper/mbert/mlama", "paper/mbert/mlama/de"])
def test_a_run_is_found_from_every_folder_above_it_and_from_its_own(tmp_path: Path, depth: str) -> None:
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)})
    run = only_run(tmp_path / depth)
    assert (run.model, run.dataset, run.language, run.blocks) == ("mbert", "mlama", "de", 12)
    assert run.baseline.accuracy == 20
    assert [row.pair for row in run.pairs] == [LayerPair(1, 2)]


def test_inputs_that_overlap_give_each_run_once(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "de", (20, 30))
    runs, _ = find_runs([folder, tmp_path, tmp_path])
    assert len(runs) == 1


def test_a_linked_folder_is_followed_and_a_loop_of_links_ends(tmp_path: Path) -> None:
    write_run(tmp_path / "disk", "de", (20, 30))
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "paper").symlink_to(tmp_path / "disk" / "paper")
    (tmp_path / "disk" / "paper" / "loop").symlink_to(outputs)
    assert only_run(outputs).language == "de"


def test_the_best_pair_is_the_first_of_equals_in_layer_order(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30), {(2, 3): (25, 40), (1, 12): (20, 40), (1, 2): (26, 39)})
    run = only_run(tmp_path)
    best = run.best("transferability")
    assert best is not None and best.pair == LayerPair(1, 12)
    by_accuracy = run.best("accuracy")
    assert by_accuracy is not None and by_accuracy.pair == LayerPair(1, 2)


def test_a_run_that_shares_no_fact_with_the_pivot_has_no_best_pair(tmp_path: Path) -> None:
    nan = float("nan")
    write_run(tmp_path, "de", (20, nan), {(1, 2): (21, nan)}, shared=0)
    assert only_run(tmp_path).best("transferability") is None


@pytest.mark.parametrize(
    ("state", "message", "reason"),
    [
        ("running", None, "still running, or killed"),
        ("failed", "CUDA out of memory\nTraceback ...", "failed: CUDA out of memory"),
        ("interrupted", "SIGTERM", "interrupted: SIGTERM"),
    ],
)
def test_a_run_that_did_not_finish_is_named_with_its_reason(
    tmp_path: Path, state: str, message: str | None, reason: str
) -> None:
    write_run(tmp_path, "de", (20, 30))
    write_run(tmp_path, "fr", (20, 30), state=state, status={"message": message})
    runs, (other,) = find_runs([tmp_path])
    assert [run.language for run in runs] == ["de"]
    assert (other.model, other.dataset, other.language, other.reason) == ("mbert", "mlama", "fr", reason)


@pytest.mark.parametrize("projection", ["random", "shuffled_seed1", "other_pivot_de"])
def test_an_ablation_that_failed_before_its_manifest_is_no_run_of_lrp2(tmp_path: Path, projection: str) -> None:
    write_run(tmp_path, "de", (20, 30))
    failed = write_run(tmp_path, "fr", (20, 30), experiment=f"paper/{projection}", state="failed")
    (failed / "manifest.json").unlink()
    _, (other,) = find_runs([tmp_path])
    assert (other.model, other.language) == (f"mbert_{projection}", "fr")


@pytest.mark.parametrize("name", ["pairs.csv", "status.json", "manifest.json"])
@pytest.mark.parametrize("damage", [None, b"", b'{"state": "fin', b"[]", b"\xff\xfe\x00"])
def test_a_half_written_folder_is_named_with_the_file_that_is_damaged(
    tmp_path: Path, name: str, damage: bytes | None
) -> None:
    write_run(tmp_path, "de", (20, 30))
    broken = write_run(tmp_path, "fr", (20, 30))
    (broken / name).unlink()
    if damage is not None:
        (broken / name).write_bytes(damage)
    runs, (other,) = find_runs([tmp_path])
    assert [run.language for run in runs] == ["de"]
    assert other.language == "fr" and name in other.reason


@pytest.mark.parametrize("manifest", [{"model": "mbert"}, {"model": {"name": "mbert"}}, {"dataset": None}])
def test_a_manifest_without_its_keys_is_named(tmp_path: Path, manifest: dict[str, object]) -> None:
    write_run(tmp_path, "de", (20, 30))
    write_run(tmp_path, "fr", (20, 30), manifest=manifest)
    _, (other,) = find_runs([tmp_path])
    assert "manifest.json has no" in other.reason


def test_a_folder_whose_job_died_before_its_status_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30))
    started = tmp_path / "paper" / "mbert" / "mlama" / "fr"
    started.mkdir()
    write_json(started / "manifest.json", {})
    _, (other,) = find_runs([tmp_path])
    assert (other.language, other.reason.split(":")[0]) == ("fr", "status.json is missing")


def test_an_empty_folder_is_an_error_that_tells_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"There is no run in .*\n.*lrp2-bench search"):
        find_runs([tmp_path])


def test_no_finished_run_is_an_error_that_lists_the_others(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "de", (20, 30), state="failed", status={"message": "no disk"})
    with pytest.raises(BenchError, match="no finished run") as caught:
        find_runs([tmp_path])
    assert f"{folder}: failed: no disk" in str(caught.value)


def test_a_folder_that_does_not_exist_suggests_the_nearest(tmp_path: Path) -> None:
    write_run(tmp_path, "de", (20, 30))
    with pytest.raises(UnknownNameError, match="Did you mean 'paper'"):
        find_runs([tmp_path / "papr"])
    shutil.rmtree(tmp_path)
    with pytest.raises(BenchError, match="Known: none"):
        find_runs([tmp_path / "paper"])


def test_a_file_as_input_is_an_error(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "de", (20, 30))
    with pytest.raises(BenchError, match="is a file"):
        find_runs([folder / "pairs.csv"])


def test_no_input_is_an_error() -> None:
    with pytest.raises(BenchError, match="name at least one folder"):
        find_runs([])
