"""Which pair an analysis looks at, and how strongly it moves states there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lrp2_bench.analyses.states import layer_means
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import AnalyzeCommand, ModelSettings, MoveSettings, PathSettings
from lrp2_bench.core.types import LayerPair
from tests.support.probing import load
from tests.support.run_folders import write_run


def subject(outputs: Path, pair: Any = None, **moved: float) -> Subject:
    settings = AnalyzeCommand(
        model=ModelSettings(name="mbert"), dataset={"name": "mlama"}, pair=pair, paths=PathSettings(str(outputs)),
        projection=MoveSettings(**moved),  # type: ignore[arg-type]
    )  # fmt: skip
    settings.experiment.name = "paper"
    found = Subject(settings, dict, dict)  # type: ignore[arg-type]
    checkpoint = SimpleNamespace(digest="sha256:abc", known_as=lambda _: SimpleNamespace(digest="sha256:abc"))
    found.__dict__.update(model=SimpleNamespace(blocks=4), checkpoint=checkpoint)
    return found


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ([1, 3], LayerPair(1, 3)),
        ([1, 3, 0.5], LayerPair(1, 3, 0.5)),
        ([1, 3, 1], LayerPair(1, 3, 1.0)),
        ([1, 3, 0.5, 0.25], LayerPair(1, 3, 0.5, 0.25)),
    ],
)
def test_a_given_pair_may_name_its_strengths(pair: list[float], expected: LayerPair, tmp_path: Path) -> None:
    assert subject(tmp_path, pair).pair("de") == expected


def test_a_given_pair_without_a_strength_is_at_that_of_the_projection(tmp_path: Path) -> None:
    assert subject(tmp_path, [1, 3], strength=0.5).pair("de") == LayerPair(1, 3, 0.5)
    assert subject(tmp_path, [1, 3], strength=0.5, strength_back=2.0).pair("de") == LayerPair(1, 3, 0.5, 2.0)
    assert subject(tmp_path, [1, 3, 0.75], strength=0.5).pair("de") == LayerPair(1, 3, 0.75)


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        ([3, 2], "is no pair of layers"), ([1], "has 1 numbers"), (7, "is no pair"), ("2/4", "is no pair"),
        ([1.5, 3], "not a whole number"), ([1, 3, 0], "would change nothing"), ([1, 3, -0.5], "is negative"),
        ([1, 3, "half"], "is not a number"), ([1, 3, float("nan")], "is not a number"),
    ],
)  # fmt: skip
def test_what_is_no_pair_is_refused_before_any_data_or_model_is_read(pair: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=rf"(?s)not a layer pair of 'mbert'.*{why}.*such as pair=\[2,4\]"):
        subject(tmp_path, pair)


def test_a_pair_that_the_model_does_not_have_is_refused_with_the_range(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"(?s)out of range, for the model has 4 blocks.*1 <= LIRP < LSRP <= 4"):
        subject(tmp_path, [1, 9]).pair("de")


def test_the_best_pair_of_a_search_is_taken_at_the_strength_that_it_was_searched_at(tmp_path: Path) -> None:
    half = {"projection": {"kind": "lrp2", "label": "lrp2_s0.5", "strength": [0.5, 0.5]}}
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31), (2, 4): (21, 32)}, blocks=4)
    folder = write_run(tmp_path / "half", "de", (20, 30), {(1, 3): (21, 31)}, blocks=4, manifest=half)
    (tmp_path / "paper" / "lrp2_s0.5").mkdir()
    folder.parents[1].rename(tmp_path / "paper" / "lrp2_s0.5" / "mbert")
    assert subject(tmp_path).pair("de") == LayerPair(2, 4)
    at_half = subject(tmp_path, strength=0.5)
    assert at_half.searched_languages() == ["de"] and at_half.pair("de") == LayerPair(1, 3, 0.5)
    assert subject(tmp_path, strength=0.25).pair("de") is None


def test_the_best_pair_of_searched_strengths_comes_with_its_own(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, blocks=4)
    (folder / "pairs.csv").write_text(
        "lirp,lsrp,accuracy,transferability,facts,shared,strength\n,,20,30,100,80,\n"
        "1,2,21,31,100,80,0.5\n1,2,21,33,100,80,0.75\n1,2,21,32,100,80,1\n"
    )
    assert subject(tmp_path).pair("de") == LayerPair(1, 2, 0.75)


def test_states_at_a_strength_are_moved_by_as_much(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    model = load(model_folder("bert"))
    shift = torch.randn(model.blocks + 1, model.hidden_size, generator=torch.Generator().manual_seed(0))
    batch = model.batch([[2, 5, 6, 3]])
    weights = torch.full((1, 4), 0.25)
    pair = subject(tmp_path, [1, 3, 0.5]).pair("de")
    with torch.inference_mode():
        half = layer_means(model, batch, weights, pair, shift)
        by_hand = layer_means(model, batch, weights, LayerPair(1, 3), 0.5 * shift)
    torch.testing.assert_close(half, by_hand)
    torch.testing.assert_close(half[1, 1] - half[0, 1], 0.5 * shift[1][None], atol=1e-5, rtol=1e-4)
