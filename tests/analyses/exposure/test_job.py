"""What a search of a testbed model says beside its scores: which facts were seen in pretraining, and what crossed."""

from __future__ import annotations

import csv
import io
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from lrp2_bench.analyses.exposure.compute import STATUSES, fact_statuses
from lrp2_bench.analyses.exposure.job import exposure_measures, note_unread
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.cldr.sentences import Sentence
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.stored_hits import read_hits
from lrp2_bench.testbed import pretrain as loop
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.pretrained import Pretrained
from lrp2_bench.testbed.specs import PretrainSpec
from lrp2_bench.testbed.text import pretraining_text
from tests.support.commands import lrp2_bench
from tests.support.exposure_runs import MODEL, TWIN, write_exposure_run
from tests.support.read_wandb import the_run
from tests.support.run_folders import write_json, write_run

BEST = LayerPair(1, 2)


def data_warnings_for(language: str, pivot: str = "en") -> DataWarnings:
    data_warnings = DataWarnings()
    note_unread(MODEL, (language, pivot), data_warnings)
    return data_warnings


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lrp2_bench.analyses.exposure.job")


def test_a_language_the_model_never_read_is_counted_by_name(caplog: pytest.LogCaptureFixture) -> None:
    data_warnings = data_warnings_for("cy")
    kind = "The checkpoint was not pretrained on Welsh (cy); its languages are ar, de, en, ga, hi, tr, zh"
    assert data_warnings.as_dict() == {kind: {"count": 1, "examples": ["cy"]}}
    assert data_warnings_for("de").as_dict() == {}
    assert "French (fr)" in next(iter(data_warnings_for("de", "fr").as_dict()))
    assert "on Klingon (tlh);" in next(iter(data_warnings_for("tlh").as_dict()))
    note_unread(None, ("cy",), none := DataWarnings())
    assert none.as_dict() == {}


@pytest.mark.parametrize("model", [MODEL, TWIN], ids=lambda model: model.name)
def test_hits_are_split_by_who_told_the_fact(
    tmp_path: Path, model: Pretrained, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_exposure_run(tmp_path, "hi", model)
    split = exposure_measures(folder, model, BEST)["exposure"]
    stored = read_hits(folder / "hits.parquet")
    statuses = fact_statuses(stored.facts, model.exposure, "hi")
    assert statuses is not None and set(split) == set(STATUSES)
    assert sum(found["facts"] for found in split.values()) == len(stored.facts)
    present = set()
    for status, found in split.items():
        mask = statuses.by[status]
        if found["facts"]:
            present.add(status)
            for key, setting in (("baseline", None), ("best", BEST)):
                row = stored.row(setting)
                assert row is not None
                assert found[key] == pytest.approx(metrics.accuracy(row[None, mask])[0], abs=1e-6)
        else:
            assert found == {"facts": 0}
    # Chance leaves no country to the pivot alone where six languages draw theirs.
    assert present == {"seen", "elsewhere", "nowhere" if model is TWIN else "pivot"}
    unseen = "not seen" if model is TWIN else "in English alone"
    line = next(text for text in said(caplog).split("\n") if text.startswith("Accuracy by exposure"))
    share = split["nowhere" if model is TWIN else "pivot"]
    assert f"{unseen} {share['baseline']:.1f} -> {share['best']:.1f} ({share['facts']} facts)" in line
    assert f"seen in the language {split['seen']['baseline']:.1f} -> " in line


def test_a_baseline_has_no_best(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "hi", TWIN)
    measures = exposure_measures(write_exposure_run(tmp_path, "hi", pairs=False), MODEL, None)
    assert set(measures["exposure"]["seen"]) == {"facts", "baseline"}
    transfer = measures["transfer"]
    assert set(transfer) == {"facts", "baseline", "low", "high", "placebo", "beyond", "twin"}
    assert all(set(part) == {"baseline"} for name, part in transfer.items() if name not in ("facts", "baseline"))
    assert transfer["beyond"]["baseline"] == pytest.approx(
        transfer["baseline"] - transfer["placebo"]["baseline"], abs=2e-6
    )


def test_transfer_is_the_model_less_the_twin_beside_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    twin_folder = write_exposure_run(tmp_path, "de", TWIN, folder="some_name")
    folder = write_exposure_run(tmp_path, "de", folder="another")
    transfer = exposure_measures(folder, MODEL, BEST)["transfer"]
    model, twin = read_hits(folder / "hits.parquet"), read_hits(twin_folder / "hits.parquet")
    statuses = fact_statuses(model.facts, MODEL.exposure, "de")
    assert statuses is not None and transfer["facts"] == statuses.held_out.sum()
    for key, setting in (("baseline", None), ("best", BEST)):
        ours, theirs = model.row(setting), twin.row(setting)
        assert ours is not None and theirs is not None
        accuracy = [metrics.accuracy(row[None, statuses.held_out])[0] for row in (ours, theirs)]
        assert transfer["twin"][key] == pytest.approx(accuracy[1], abs=1e-6)
        assert transfer[key] == pytest.approx(accuracy[0] - accuracy[1], abs=1e-6) and transfer[key] > 5
    line = next(text for text in said(caplog).split("\n") if text.startswith("Knowledge transfer"))
    assert "minus control 'some_name'" in line and f"= {transfer['baseline']:+.1f} [" in line


@pytest.mark.parametrize(
    "why", ["absent", "unfinished", "other experiment", "other language", "other exposure", "broken", "damaged hits"]
)
def test_without_a_twins_run_it_says_to_make_one(tmp_path: Path, why: str, caplog: pytest.LogCaptureFixture) -> None:
    if why != "absent":
        twin = replace(TWIN, exposure=replace(TWIN.exposure, seed=1)) if why == "other exposure" else TWIN
        other = write_exposure_run(
            tmp_path,
            "zh" if why == "other language" else "de",
            twin,
            experiment="before" if why == "other experiment" else "paper",
        )
        if why == "unfinished":
            write_json(other / "status.json", {"state": "running"})
        elif why == "broken":
            write_json(other / "manifest.json", {"testbed": {"name": 3}})
        elif why == "damaged hits":
            (other / "hits.parquet").write_bytes(b"torn")
    (tmp_path / "paper").mkdir(exist_ok=True)
    (tmp_path / "paper" / "report.md").write_text("a file among the models")
    measures = exposure_measures(write_exposure_run(tmp_path, "de"), MODEL, BEST)
    assert set(measures) == {"exposure"}
    assert "first search the no-transfer control 'tiny_mbert_twin'" in said(caplog)
    assert ("hits cannot be used" in said(caplog)) == (why == "damaged hits")


def test_a_twin_that_was_asked_something_else_is_not_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_exposure_run(tmp_path, "de", TWIN, manifest={"identity": {"dataset": {"digest": "fewer"}}})
    measures = exposure_measures(write_exposure_run(tmp_path, "de"), MODEL, BEST)
    assert set(measures) == {"exposure"}
    assert "differs in dataset, language, pivot, probing, precision" in said(caplog)


@pytest.mark.parametrize(("language", "model"), [("en", MODEL), ("de", TWIN)], ids=["pivot", "twin"])
def test_the_pivot_and_twins_have_no_transfer_and_no_word_of_it(
    tmp_path: Path, language: str, model: Pretrained, caplog: pytest.LogCaptureFixture
) -> None:
    write_exposure_run(tmp_path, "en", TWIN)
    measures = exposure_measures(write_exposure_run(tmp_path, language, model, folder="it"), model, None)
    assert set(measures) == {"exposure"}
    assert "twin '" not in said(caplog)


def test_other_models_and_other_facts_have_no_measures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert exposure_measures(write_run(tmp_path, "de", (1, 1)), None, BEST) == {}
    folder = write_exposure_run(tmp_path, "de")
    table = pd.read_parquet(folder / "hits.parquet")
    table.assign(uuid=table["uuid"].astype(str) + "0").to_parquet(folder / "hits.parquet")
    assert exposure_measures(folder, MODEL, BEST) == {}
    assert said(caplog) == ""


# The real job


MINIATURE = PretrainSpec(
    "miniature", "bert", ("ga", "hi"), vocabulary=600, blocks=2, hidden=16, heads=2, epochs=1, glosses=0.0
)


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Path]]:
    """A model of seconds and its twin."""

    def some(exposure: Exposure, glosses: float, seed: int) -> list[Sentence]:
        sentences = pretraining_text(exposure, glosses, seed)
        return random.Random(0).sample(sentences, 600)

    monkeypatch.setattr(loop, "pretraining_text", some)
    threads = torch.get_num_threads()
    folders = {}
    for spec in (MINIATURE, MINIATURE.as_twin()):
        folders[spec.name] = tmp_path / "models" / spec.name
        loop.pretrain(spec, folders[spec.name], threads=1)
    yield folders
    torch.set_num_threads(threads)


def search(root: Path, model: Path, language: str, *more: str) -> Path:
    arguments = [
        "model=hf", f"model.path={model}", "dataset=cldr", "dataset.relations=[P30,P36]", "dataset.limit=60",
        "corpus=cldr", "corpus.sentences=20", f"language={language}", "tracking=none",
        f"paths.outputs={root / 'outputs'}", f"paths.cache={root / 'cache'}",
    ]  # fmt: skip
    assert lrp2_bench("search", *arguments, *more) == 0
    return root / "outputs" / "default" / model.name / "cldr" / language


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return found


@pytest.mark.usefixtures("without_figures")
def test_a_search_tells_the_testbed_model_the_split_and_the_transfer(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    twin = search(tmp_path, checkpoints["miniature_twin"], "ga")
    entry = manifest(twin)["testbed"]
    assert (entry["name"], entry["twin"], entry["twin_of"]) == ("miniature_twin", True, "miniature")
    assert "Knowledge transfer" not in capsys.readouterr().err

    folder = search(tmp_path, checkpoints["miniature"], "ga", "tracking=wandb", "tracking.mode=offline")
    entry = manifest(folder)["testbed"]
    assert (entry["name"], entry["twin"], entry["twin_of"]) == ("miniature", False, None)
    assert Exposure.from_dict(entry["exposure"]) == MINIATURE.exposure
    run = the_run(folder)
    (best,) = [pair for pair in read_hits(folder / "hits.parquet").settings if pair is not None]
    expected = exposure_measures(folder, Pretrained.from_dict(entry), best)
    assert {key: run.summary[key] for key in ("exposure", "transfer")} == expected
    assert expected["exposure"]["seen"]["facts"] > 5 and expected["transfer"]["facts"] > 10
    output = capsys.readouterr().err
    assert "Accuracy by exposure, baseline -> best pair (in-sample): seen in the language" in output
    assert "minus control 'miniature_twin'" in output and "not pretrained on" not in output
    wandb.teardown()

    assert lrp2_bench("report", str(tmp_path / "outputs")) == 0
    text = (tmp_path / "outputs" / "report" / "data" / "knowledge_miniature_cldr.csv").read_text("utf-8")
    (line,) = csv.DictReader(io.StringIO(text))
    assert float(line["transfer_lrp2"]) == pytest.approx(expected["transfer"]["best"], abs=1e-5)
    assert float(line["seen_without"]) == pytest.approx(expected["exposure"]["seen"]["baseline"], abs=1e-5)


def test_a_search_in_a_language_the_model_never_read_warns_and_goes_on(
    checkpoints: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = search(tmp_path, checkpoints["miniature"], "cy", "search=baseline")
    kind = "The checkpoint was not pretrained on Welsh (cy); its languages are en, ga, hi"
    assert manifest(folder)["data_warnings"][kind]["count"] == 1
    output = capsys.readouterr().err
    assert kind in output and "first search the no-transfer control 'miniature_twin'" in output
    assert "seen in the language" not in output


def test_a_checkpoint_with_a_broken_exposure_is_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    path = checkpoints["miniature"] / "manifest.json"
    content = json.loads(path.read_text("utf-8"))
    write_json(path, content | {"exposure": {"share": 1}})
    with pytest.raises(AssertionError):
        search(tmp_path, checkpoints["miniature"], "ga", "search=baseline")
    status = json.loads((tmp_path / "outputs" / "default" / "miniature" / "cldr" / "ga" / "status.json").read_text())
    assert status["state"] == "failed" and "Rebuild the checkpoint" in status["message"]
