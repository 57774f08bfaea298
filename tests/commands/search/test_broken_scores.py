"""A job whose scores are no numbers fails before its work, or ends finished and says which; never with a traceback."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.support.commands import ToyJob, lrp2_bench, manifest_of, pairs_of, status_of
from tests.support.loading import edit, load_as

Build = Callable[[str, float, object], ToyJob]


@pytest.fixture
def damaged(model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path, tmp_path: Path) -> Build:
    """The toy job of a small BERT, some of one of its weights set to a value."""

    def build(name: str, value: float, place: object) -> ToyJob:
        folder = Path(shutil.copytree(model_folder("bert"), tmp_path / "damaged"))
        weights = load_file(folder / "model.safetensors")
        weights[name][place] = value
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        return ToyJob(tmp_path / "job", folder, toy_mlama, toy_corpus)

    return build


def test_a_job_of_a_broken_model_fails_before_its_vectors_and_hits(
    damaged: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "bert.encoder.layer.2.output.dense.weight"
    job = damaged(name, math.nan, (0, 0))
    assert job.search() == 1
    said = capsys.readouterr().err
    assert "begins in block 3" in said and name in said and "Traceback" not in said
    status = status_of(job.folder())
    assert status["state"] == "failed" and "no precision helps" in str(status)
    assert not (job.root / "cache" / "vectors").exists() and not (job.folder() / "relations").exists()
    # The vectors alone are refused at their first batch.
    vectors = ["vectors", *(each for each in job.arguments() if each.split("=")[0] in VECTORS)]
    assert lrp2_bench(*vectors) == 1
    said = capsys.readouterr().err
    assert "not finite at layers [3, 4]" in said and name in said and "Traceback" not in said


VECTORS = ("model", "model.path", "corpus", "corpus.path", "language", "paths.cache")


def test_a_job_with_some_broken_facts_ends_finished_and_counts_them(
    damaged: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    # The token of one subject alone, in a model whose head has weights of its own.
    job = damaged("bert.embeddings.word_embeddings.weight", 0.0, (0, 0))
    weights = load_file(job.model / "model.safetensors")
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    weights["cls.predictions.decoder.bias"] = weights["cls.predictions.bias"].clone()
    token = load_as(job.model).tokenizer("Japan", add_special_tokens=False)["input_ids"][0]
    weights["bert.embeddings.word_embeddings.weight"][token] = math.nan
    save_file(weights, job.model / "model.safetensors", {"format": "pt"})
    edit(job.model / "config.json", tie_word_embeddings=False)
    assert job.search("search=baseline") == 0
    said = capsys.readouterr().err
    assert "Scores that are no finite numbers can never win" in said
    assert "states are no finite numbers were left out of the alignment" in said
    # Another run is told the same: what has broken scores is kept for none.
    assert job.search("search=baseline", "experiment.name=again") == 0
    assert "Scores that are no finite numbers can never win" in capsys.readouterr().err
    data_warnings = manifest_of(job.folder())["data_warnings"]
    assert manifest_of(job.folder(experiment="again"))["data_warnings"] == data_warnings
    assert status_of(job.folder())["state"] == "finished" and len(data_warnings) >= 2
    rows = (job.folder() / "alignment.csv").read_text().splitlines()[1:]
    assert rows and "nan" not in "".join(rows)
    assert {row.split(",")[-1] for row in rows} == {"21"} and pairs_of(job.folder())[0]["shared"] != "21"
