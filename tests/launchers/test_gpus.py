"""GPUs shared out among the workers of one machine, from what a driver says: none is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers.gpus import VISIBLE, choose_themselves, here, listed, shares
from lrp2_bench.launchers.job import Job
from lrp2_bench.launchers.local import LocalLauncher, _environment, _sharing
from lrp2_bench.launchers.running import Setup

TWO = """GPU 0: NVIDIA H200 (UUID: GPU-1f3a-aa)
GPU 1: NVIDIA H200 (UUID: GPU-2b4c-bb)
"""
#: The second is cut in two.
MIG = f"""{TWO}  MIG 3g.71gb     Device  0: (UUID: MIG-77-a)
  MIG 3g.71gb     Device  1: (UUID: MIG-88-b)
"""


def driver(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: int = 0) -> None:
    """An ``nvidia-smi`` that says ``text``."""
    folder.mkdir()
    (folder / "says").write_text(text)
    command = folder / "nvidia-smi"
    command.write_text(f'#!/bin/sh\n[ "$1" = -L ] && cat "{folder}/says"\nexit {code}\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    monkeypatch.delenv(VISIBLE, raising=False)


def test_the_driver_is_asked_for_gpus_and_their_mig_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed(TWO) == ["GPU-1f3a-aa", "GPU-2b4c-bb"] and listed(MIG) == ["GPU-1f3a-aa", "MIG-77-a", "MIG-88-b"]
    assert listed("No devices found.\n") == []
    driver(tmp_path / "bin", monkeypatch, MIG)
    assert shares("auto") == listed(MIG)
    driver(tmp_path / "broken", monkeypatch, "Failed to initialize NVML", code=9)
    assert shares("auto") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert here() == [], "no driver"


@pytest.mark.parametrize(
    ("allowed", "expected"), [("2,3", ["2", "3"]), ("GPU-x, MIG-y", ["GPU-x", "MIG-y"]), ("", []), ("-1", [])]
)
def test_of_those_that_the_environment_hides_none_is_given(
    allowed: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(tmp_path / "bin", monkeypatch, TWO)
    monkeypatch.setenv(VISIBLE, allowed)
    assert shares("auto") == expected


def test_a_choice_of_gpus_is_an_entry_a_worker_or_none() -> None:
    assert shares([0, 1]) == ["0", "1"] and shares(["0,1", "2,3"]) == ["0,1", "2,3"] and shares(None) == []
    assert shares(OmegaConf.create([3])) == ["3"]


@pytest.mark.parametrize("wrong", [2, "all", "0", [], ["0;1"], [[0, 1]], {"a": 1}, ["0,"]])
def test_what_is_no_choice_of_gpus_is_refused_with_what_can_be_given(wrong: Any) -> None:
    with pytest.raises(BenchError, match=r"gpus=.* is not a choice of GPUs. Give auto .* \['0,1','2,3'\]"):
        LocalLauncher(gpus=wrong)


def test_workers_take_gpus_in_turn_and_the_console_says_how() -> None:
    seen = [_environment(1, ["a", "b"], number).get(VISIBLE) for number in range(5)]
    assert seen == ["a", "b", "a", "b", "a"] and VISIBLE not in _environment(1, [], 0)
    assert _sharing(["a", "b"], 2, 2).endswith(": a, b")
    assert _sharing(["a", "b"], 5, 5).endswith("5 models share 2")
    assert _sharing(["a", "b", "c"], 2, 2).endswith(": a, b; hydra.launcher.workers=3 would use all 3")


def _setup(**model: object) -> Setup:
    return Setup(None, OmegaConf.create({"model": model}), ("", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "overrides", "expected"),
    [
        ({"device": "auto"}, ["language=de"], False),
        ({"device": "auto", "device_map": None}, ["model.device=cuda"], False),
        ({"device": "cuda:1"}, [], True),
        ({"device": "auto"}, ["model.device=cuda:1"], True),
        ({"device": "cpu"}, [], True),
        ({"device": "auto", "device_map": "auto"}, [], True),
        ({"device": "auto"}, ["+model.device_map=balanced"], True),
        ({}, ["model.device_map=null"], False),
    ],
)
def test_jobs_that_choose_a_gpu_themselves_keep_all_in_sight(
    model: dict[str, object], overrides: Sequence[str], expected: bool
) -> None:
    jobs = [Job("search", 0, tuple(overrides), Path(), "one")]
    assert choose_themselves(_setup(**model), jobs) is expected
