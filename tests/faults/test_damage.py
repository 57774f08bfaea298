"""Files of a run folder that were truncated, flipped, zeroed or emptied: found, told, kept aside, made again."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from lrp2_bench.commands.search import hits
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import digest_holds
from lrp2_bench.results import identity
from lrp2_bench.results.identity import stored_manifest
from lrp2_bench.results.runs import find_runs
from tests.faults.conftest import Tally
from tests.faults.damage import DAMAGES, Damage, flipped
from tests.support.commands import TABLES, ToyJob, contents, records, snapshot, status_of

pytestmark = pytest.mark.faults

Build = Callable[..., ToyJob]
WAYS = pytest.mark.parametrize(
    "damage",
    [pytest.param(way, id=way.__name__, marks=() if way is flipped else pytest.mark.nightly) for way in DAMAGES],
)


@pytest.fixture
def job(finished_job: ToyJob, toy_job: Build) -> ToyJob:
    copy = toy_job()
    shutil.copytree(finished_job.root, copy.root)
    return copy


def _corrupt(path: Path, damage: Damage, rng: random.Random) -> bytes:
    path.write_bytes(data := damage(path.read_bytes(), rng))
    return data


def _data_warnings(job: ToyJob) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.folder() / "manifest.json").read_text())["data_warnings"]
    return found


@WAYS
def test_corrupted_chunks_are_set_aside_told_in_log_and_manifest_and_computed_again(
    damage: Damage, job: ToyJob, undisturbed: dict[str, bytes], capsys: pytest.CaptureFixture[str], tally: Tally
) -> None:
    folder, rng = job.folder() / "relations", random.Random(f"chunks {damage.__name__}")
    names = rng.sample(sorted(path.name for path in folder.glob("*.parquet")), 3)
    corrupted = {name: _corrupt(folder / name, damage, rng) for name in names}
    before = {name: seen for name, seen in snapshot(folder).items() if name not in {*names, "journal.jsonl"}}
    capsys.readouterr()
    for again in (False, True):
        (job.folder() / "done.json").unlink()  # by which it would be seen that nothing is left to do
        assert job.search() == 0
        said = capsys.readouterr().err
        assert all((f"{name}' are damaged" in said) != again for name in names), said
        assert contents(job.folder()) == undisturbed
        after = snapshot(folder)
        assert {name: after[name] for name in before} == before, "what was whole is neither touched nor computed again"
        assert {name: (folder / f"{name}.damaged").read_bytes() for name in names} == corrupted
        told = _data_warnings(job)["Damaged hits were set aside and computed again"]
        assert told["count"] == 3 and set(told["examples"]) == {f"{name}.damaged" for name in names}
        assert "Damaged hits were set aside and computed again: 3" in (job.folder() / "search.log").read_text()
    tally("chunk of hits damaged", 3, **{damage.__name__: 3})


@WAYS
def test_corrupted_tables_study_and_status_are_regenerated_from_the_hits(
    damage: Damage,
    job: ToyJob,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
) -> None:
    folder, rng = job.folder(), random.Random(f"tables {damage.__name__}")
    names = (*TABLES, "study.journal", "status.json")
    for name in names:
        _corrupt(folder / name, damage, rng)
    monkeypatch.setattr(hits, "evaluate", None)
    assert job.search() == 0
    assert contents(folder) == undisturbed
    assert status_of(folder)["state"] == "finished"
    assert "A damaged alignment.csv was computed again" in _data_warnings(job)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    assert len(optuna.load_study(study_name="bert/mlama/de", storage=storage).trials) == 6
    for name in names:
        tally(f"{name} damaged", **{damage.__name__: 1})


@WAYS
def test_a_corrupted_manifest_costs_no_hits_and_still_refuses_another_configuration(
    damage: Damage,
    job: ToyJob,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tally: Tally,
) -> None:
    path = job.folder() / "manifest.json"
    whole = json.loads(path.read_text())
    # Anywhere in the manifest a flip may hit what nobody reads; here it hits what decides hits.
    corrupted = path.read_bytes().replace(b'"seed": 0', b'"seed": 1') if damage is flipped else b""
    path.write_bytes(corrupted or damage(path.read_bytes(), random.Random(5)))
    before = snapshot(job.folder() / "relations")
    assert job.search("seed=1") == 1
    assert "probing.seed: stored 0, now 1" in capsys.readouterr().err
    monkeypatch.setattr(hits, "evaluate", None)
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed and snapshot(job.folder() / "relations") == before
    assert json.loads(path.read_text())["identity_hash"] == whole["identity_hash"]
    assert _data_warnings(job)["A damaged manifest.json was set aside and regenerated"]["count"] == 1
    tally("manifest.json damaged", **{damage.__name__: 1})


def test_a_manifest_that_is_gone_costs_no_hits(
    job: ToyJob, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    (job.folder() / "manifest.json").unlink()
    monkeypatch.setattr(hits, "evaluate", None)
    assert job.search() == 0
    assert contents(job.folder()) == undisturbed
    tally("manifest.json damaged", gone=1)


@pytest.mark.parametrize(
    "stopped",
    [
        pytest.param(True, id="and the job stopped"),
        pytest.param(False, id="and the job goes on", marks=pytest.mark.nightly),
    ],
)
def test_a_manifest_corrupted_while_its_job_works_costs_nothing(
    stopped: bool,
    toy_job: Build,
    undisturbed: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
) -> None:
    job, evaluate = toy_job(), hits.evaluate
    path = job.folder() / "manifest.json"

    def spoils(*arguments: Any) -> Any:
        path.write_bytes(b"")
        if stopped and len(records(job.folder())) == 3:
            raise ValueError("stopped")
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(hits, "evaluate", spoils)
        assert job.search() == (1 if stopped else 0)
    kept = {name: seen for name, seen in snapshot(job.folder()).items() if name.endswith("parquet") and stopped}
    assert len(kept) == (3 if stopped else 0) and (path.read_bytes() == b"") == stopped
    assert job.search() == 0 and digest_holds(json.loads(path.read_bytes()))
    assert contents(job.folder()) == undisturbed and kept.items() <= snapshot(job.folder()).items()
    tally("manifest.json damaged", while_the_job_worked=1)


def test_no_flipped_bit_of_a_manifest_changes_what_the_hits_are_taken_for(job: ToyJob, tally: Tally) -> None:
    path = job.folder() / "manifest.json"
    whole, rng, found = path.read_bytes(), random.Random(7), 0
    identity_of = json.loads(whole)["identity"]
    try:
        for _ in range(300):
            path.write_bytes(flipped(whole, rng))
            data_warnings = DataWarnings()
            assert stored_manifest(job.folder(), data_warnings).get("identity", identity_of) == identity_of
            found += data_warnings.count(identity.SET_ASIDE)
            path.with_name("manifest.json.damaged").unlink(missing_ok=True)
    finally:
        path.write_bytes(whole)
    assert found >= 295, "all but those that hit the name of the digest"
    tally("flipped bit in manifest.json", 300, found_and_set_aside=found)


@pytest.mark.parametrize("name", [*TABLES, "manifest.json"])
def test_a_report_leaves_out_a_run_whose_table_is_not_what_the_job_wrote(name: str, job: ToyJob, tally: Tally) -> None:
    rng, path = random.Random(name), job.folder() / name
    whole = path.read_bytes()
    assert len(find_runs([job.outputs])[0]) == 1
    for damage in DAMAGES:
        path.write_bytes(damage(whole, rng))
        with pytest.raises(BenchError, match=f"{name} (changed since the job wrote it|cannot be read|is damaged)"):
            find_runs([job.outputs])
    path.write_bytes(whole)
    assert len(find_runs([job.outputs])[0]) == 1
    tally("report of damaged tables", len(DAMAGES), refused=len(DAMAGES))
