"""Fixtures every test may use: small models and toy data, built once a session; no network, one thread."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lrp2_bench.models.layered import LayeredModel
    from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
    from tests.support.commands import ToyJob

# The hub is a closed port of this machine, so that a test that reaches for it fails at once.
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# For the processes that tests start: two tests at a time, each with threads for every core, would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What is synced survives a power cut, which no test makes, and a small search waits for the disk longer than it
# computes. Killed processes lose nothing by it: what they wrote is the system's. Tests of syncing replace it again.
os.fsync = lambda handle: None
# A shell's background job (`make test &` in a script) ignores Ctrl-C, and so would what its tests stop with it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end; looking through it for garbage again and again took a tenth of the
    tests' time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    try:
        import torch
    except ModuleNotFoundError:  # a newer Python, which runs the tests that need none
        return
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def quick_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFs draw their letters (Type 3): cutting those they need out of the font, to carry it, takes half of a figure's
    time. The figures' own tests carry it."""
    if (style := sys.modules.get("lrp2_bench.render.figures.style")) is not None:
        monkeypatch.setitem(style._RC, "pdf.fonttype", 3)


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw nothing. Figures have tests of their own, and take most of a small report's time."""
    monkeypatch.setattr("lrp2_bench.commands.report.write_figures", lambda *_: ([], []))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a small random model of an architecture, over the toy texts."""
    from transformers.utils import logging

    from tests.support import models, toy

    logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("models")
    built: dict[str, Path] = {}

    def build(architecture: str) -> Path:
        if architecture not in built:
            built[architecture] = models.build_model(root / architecture, architecture, toy.all_texts())
        return built[architecture]

    return build


@pytest.fixture(scope="session")
def seq2seq_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random encoder-decoder of a family, over the toy texts."""
    from tests.support.seq2seq import build_seq2seq

    root = tmp_path_factory.mktemp("seq2seq")
    built: dict[str, Path] = {}

    def build(family: str) -> Path:
        if family not in built:
            built[family] = build_seq2seq(root / family, family)
        return built[family]

    return build


@pytest.fixture(scope="session")
def seq2seq_model(seq2seq_folder: Callable[[str], Path]) -> Callable[[str], Seq2SeqModel]:
    """The adapter of such a model, on the CPU in float32. Tests share it and leave it as it is."""
    from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
    from tests.support.loading import load_as

    loaded: dict[str, Seq2SeqModel] = {}

    def load(family: str) -> Seq2SeqModel:
        if family not in loaded:
            model = load_as(seq2seq_folder(family))
            assert isinstance(model, Seq2SeqModel)
            loaded[family] = model
        return loaded[family]

    return load


@pytest.fixture
def bert(model_folder: Callable[[str], Path]) -> LayeredModel:
    """The small BERT, on the CPU in float32."""
    from tests.support.probing import load

    return load(model_folder("bert"))


@pytest.fixture(scope="session")
def toy_mlama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support import toy

    return toy.build_mlama(tmp_path_factory.mktemp("mlama"))


@pytest.fixture(scope="session")
def toy_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support import toy

    return toy.build_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def toy_job(
    tmp_path: Path, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> Callable[..., ToyJob]:
    """The main job on toy data: of a small BERT unless another architecture is named, in a folder of its own."""
    from tests.support.commands import ToyJob

    def build(architecture: str = "bert", folder: str = "job") -> ToyJob:
        return ToyJob(tmp_path / folder, model_folder(architecture), toy_mlama, toy_corpus)

    return build


@pytest.fixture(scope="session")
def finished_job(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> ToyJob:
    """The toy job (BERT, German) that nothing befell: to be compared with or copied, never to be changed."""
    from tests.support.commands import ToyJob

    job = ToyJob(tmp_path_factory.mktemp("finished"), model_folder("bert"), toy_mlama, toy_corpus)
    assert job.search() == 0
    return job


@pytest.fixture(scope="session")
def undisturbed(finished_job: ToyJob) -> dict[str, bytes]:
    """Its tables."""
    from tests.support.commands import contents

    return contents(finished_job.folder())
