"""``analysis=neurons``: its tables from a toy model, what it reuses, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.analyses.neurons import parts as neuron_parts
from lrp2_bench.analyses.neurons.attribution import Method
from lrp2_bench.analyses.neurons.cost import NeuronForecast, forecast
from lrp2_bench.analyses.neurons.job import Neurons
from lrp2_bench.analyses.neurons.parts import Part, PartStore
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.probing.answer_prompts import AnswerPrompt
from tests.support.commands import lrp2_bench
from tests.support.probing import load

PROMPTS = [AnswerPrompt((2, 5, 4, 3), (2,), (7,)), AnswerPrompt((2, 4, 4, 6, 3), (1, 2), (7, 8))]


class _Job:
    """The command on toy data, everything it writes below ``root``."""

    def __init__(self, root: Path, model: Path, mlama: Path, corpus: Path) -> None:
        self.root = root
        self._arguments = [
            "analyze", "analysis=neurons", "analysis.steps=2", "analysis.per_prompt=3", "analysis.per_relation=5",
            "model=hf", f"model.path={model}", "dataset=mlama", f"dataset.path={mlama}", "corpus=text",
            f"corpus.path={corpus}", f"paths.outputs={root / 'outputs'}", f"paths.cache={root / 'cache'}",
        ]  # fmt: skip
        self.folder = root / "outputs" / "default" / model.name / "analyses" / "neurons"

    def __call__(self, *more: str) -> int:
        return lrp2_bench(*self._arguments, *more)

    def table(self, name: str) -> list[dict[str, str]]:
        (path,) = self.folder.glob(f"{name}*.csv")
        with path.open(encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def job(
    tmp_path: Path, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> Callable[[str], _Job]:
    return lambda architecture: _Job(tmp_path, model_folder(architecture), toy_mlama, toy_corpus)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_the_tables_say_what_two_languages_share_without_and_with_lrp2(
    architecture: str, job: Callable[[str], _Job]
) -> None:
    run = job(architecture)
    assert run("language=de", "pair=[1,3]") == 0
    baseline, moved = run.table(f"neurons_{architecture}")
    assert (baseline["setting"], moved["setting"]) == ("baseline", "LRP2")
    assert (moved["pair_lirp"], moved["pair_lsrp"], moved["relations"]) == ("1", "3", "3")
    for row in (baseline, moved):
        same, different, average = (float(row[name]) for name in ("same", "different", "average"))
        assert average == pytest.approx((same + 2 * different) / 3, abs=1e-5)
    listed = _listing(run)
    for row, side in ((baseline, ("", "")), (moved, ("1", "3"))):
        # Counted again from the listing: shares of five neurons.
        shares = []
        for relation in ("P17", "P30", "P36"):
            ours = _set(listed, "de", relation, side)
            shares.append(100 * len(ours & _set(listed, "en", relation, ("", ""))) / 5)
            assert len(ours) == 5
        assert float(row["same"]) == pytest.approx(np.mean(shares), abs=1e-5)
    assert [row["relation"] for row in run.table("neurons_relations")] == [
        "P17 country",
        "P30 continent",
        "P36 capital",
    ]
    exactness = run.table("neurons_exactness")
    assert [row["side"] for row in exactness] == ["en", "de", "de, LRP2"]
    assert all(float(row["error"]) > 0 and float(row["probability"]) > 0 for row in exactness)
    record = json.loads((run.folder / "analysis.json").read_text("utf-8"))
    assert record["summary"]["neurons/de/same"] == pytest.approx(float(baseline["same"]))
    assert all((run.folder / f"{stem}.png").exists() for stem in record["figures"])


def _listing(run: _Job) -> list[dict[str, str]]:
    with (run.folder / "neurons.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _set(rows: list[dict[str, str]], language: str, relation: str, pair: tuple[str, str]) -> set[tuple[str, str]]:
    key = (language, relation, *pair)
    return {
        (row["block"], row["neuron"])
        for row in rows
        if (row["language"], row["relation"], row["lirp"], row["lsrp"]) == key
    }


def test_finished_parts_are_reused_and_only_what_is_new_is_computed(
    job: Callable[[str], _Job], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = job("bert")
    assert run("language=de") == 0
    shown = capsys.readouterr()
    assert "prompts x 4 blocks x 2 steps = " in shown.err
    assert "No pair is known for de" in (run.folder / "neurons_bert_mlama.md").read_text("utf-8")
    before = {path: path.stat().st_mtime_ns for path in run.folder.glob("parts/*/*")}
    assert len(before) == 6
    computed: list[tuple[str, object]] = []
    compute = PartStore.compute

    def count(self: PartStore, model: object, part: Part, advance: object) -> object:
        computed.append((part.language, part.pair))
        return compute(self, model, part, advance)

    monkeypatch.setattr(PartStore, "compute", count)
    assert run("language=de", "pair=[1,2]") == 0
    assert computed == [("de", LayerPair(1, 2))] * 3
    computed.clear()
    damaged = next(iter(before))
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert run("language=de", "pair=[1,2]", "analysis.per_relation=4", "batch_tokens=64") == 0
    assert len(computed) == 1
    assert {path: path.stat().st_mtime_ns for path in before if path != damaged}.items() <= before.items()
    assert run("language=de", "analysis.steps=3") == 0
    assert len(computed) == 1 + 6


def test_a_part_comes_back_from_its_file_as_it_was(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    model = load(model_folder("bert"))
    store = PartStore(tmp_path, "digest", Method(2, "right", 64), 3)
    part = Part("de", "../P1", None, PROMPTS)
    assert store.read(part) is None
    made = store.compute(model, part, lambda steps=1: None)
    read = store.read(part)
    assert read is not None and store.path(part).is_relative_to(tmp_path / "de")
    for name in ("index", "prompts", "attribution"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert (read.width, read.asked, read.probability, read.completeness) == (
        made.width, made.asked, made.probability, made.completeness,
    )  # fmt: skip


def test_whatever_decides_a_part_gives_it_another_file(tmp_path: Path) -> None:
    def path(part: Part, model: str = "digest", steps: int = 2, per_prompt: int = 3) -> Path:
        return PartStore(tmp_path, model, Method(steps, "right", 64), per_prompt).path(part)

    part = Part("de", "P1", None, PROMPTS)
    moved = Part("de", "P1", LayerPair(1, 2), PROMPTS, vectors=("a", "b"))
    paths = [
        path(part), path(part, model="other"), path(part, steps=3), path(part, per_prompt=4),
        path(Part("de", "P1", None, PROMPTS[:1])), path(moved), path(Part("de", "P2", None, PROMPTS)),
        path(Part("de", "P1", LayerPair(1, 3), PROMPTS, vectors=("a", "b"))),
        path(Part("de", "P1", LayerPair(1, 2), PROMPTS, vectors=("a", "c"))),
    ]  # fmt: skip
    assert len(set(paths)) == len(paths)
    assert PartStore(tmp_path, "digest", Method(2, "right", 999), 3).path(part) == path(part)


def test_the_forecast_counts_passes_and_times_a_few_prompts(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    found = forecast(model, PROMPTS * 20, Method(2, "right", 64))
    assert (found.prompts, found.blocks, found.steps, found.passes) == (40, 4, 2, 320)
    assert 1 <= found.timed < 20 and found.seconds > 0
    assert forecast(model, [], Method(2, "right", 64)).seconds == 0
    assert "1,200 prompts x 12 blocks x 20 steps = 288,000" in str(NeuronForecast(1200, 12, 20, 7200.0, 4))
    assert "2.0 h (timed on 4)" in str(NeuronForecast(1200, 12, 20, 7200.0, 4))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["analysis.per_prompt=129"], "more than the 128 neurons of a block"),
        (["analysis.per_relation=13"], "Give at most 12"),
        (["pair=[3,9]"], "1 <= LIRP < LSRP <= 4"),
        (["dataset.relations=[P36]"], "overlaps take two"),
        (["dataset.limit=4"], "the largest has 4"),
        (["analysis.rule=rigth"], "Did you mean 'right'?"),
        (["analysis.steps=0"], "analysis.steps=0"),
        (["language=fr"], "fr"),
    ],
)
def test_what_cannot_be_attributed_is_refused_with_the_next_step(
    given: list[str], told: str, job: Callable[[str], _Job], capsys: pytest.CaptureFixture[str]
) -> None:
    assert job("bert")("language=de", *given) == 1
    shown = capsys.readouterr()
    assert told in shown.err and "Traceback" not in shown.err


def test_settings_are_refused_before_a_model_is_loaded() -> None:
    with pytest.raises(BenchError, match="least_facts=0"):
        Neurons(least_facts=0)


def test_an_interrupted_run_keeps_the_relations_it_finished(
    job: Callable[[str], _Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = job("bert")
    attribute, calls = neuron_parts.attribute, []

    def stop(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return attribute(*arguments)

    monkeypatch.setattr(neuron_parts, "attribute", stop)
    assert run("language=de") != 0
    assert len(list(run.folder.glob("parts/*/*"))) == 2
    assert not (run.folder / "analysis.json").exists()
    assert run("language=de") == 0
    assert len(calls) == 3 + 4
