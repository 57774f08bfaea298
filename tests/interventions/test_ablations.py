"""Ablations move what they say and nothing else, and those that move nothing of their own are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import ProjectionKind, ProjectionSettings
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.interventions.ablations import (
    distinct_pairs,
    experiment_folder,
    is_label,
    label,
    representative,
    require_projection,
    spread,
    stand_in,
)
from lrp2_bench.interventions.moves import moves, random_shifts

LANGUAGES = ("ar", "de", "el", "en", "fr", "zh")


def _shift(layers: int = 5, hidden: int = 16) -> torch.Tensor:
    return torch.randn(layers, hidden, generator=torch.Generator().manual_seed(3))


def test_each_side_alone_moves_on_its_side_only() -> None:
    shift = _shift()
    into = moves(ProjectionKind.lirp_only, shift, 0, "de")
    back = moves(ProjectionKind.lsrp_only, shift, 0, "de")
    assert into.enter.equal(shift) and not into.leave.any()
    assert back.leave.equal(shift) and not back.enter.any()
    whole = moves(ProjectionKind.lrp2, shift, 0, "de")
    assert whole.enter.equal(shift) and whole.leave.equal(shift)


@pytest.mark.parametrize(("layers", "hidden"), [(5, 16), (7, 4)])
def test_random_shifts_keep_lengths_and_angles_and_lose_their_directions(layers: int, hidden: int) -> None:
    shift = _shift(layers, hidden)
    drawn = random_shifts(shift, 0, "de")
    assert drawn.dtype == shift.dtype and drawn.shape == shift.shape
    torch.testing.assert_close(drawn @ drawn.T, shift @ shift.T, atol=1e-4, rtol=1e-4)
    cosines = torch.nn.functional.cosine_similarity(drawn, shift, dim=1)
    assert cosines.abs().max() < 0.95


def test_random_directions_are_of_their_seed_and_language() -> None:
    shift = _shift()
    drawn = random_shifts(shift, 0, "de")
    assert drawn.equal(random_shifts(shift, 0, "de"))
    assert not drawn.allclose(random_shifts(shift, 1, "de"))
    assert not drawn.allclose(random_shifts(shift, 0, "zh"))


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_gives_every_language_anothers_shift_once(seed: int) -> None:
    others = [stand_in(code, LANGUAGES, "en", seed) for code in LANGUAGES if code != "en"]
    assert sorted(others) == [code for code in LANGUAGES if code != "en"]
    assert all(other != code for other, code in zip(others, ("ar", "de", "el", "fr", "zh"), strict=True))


def test_the_seed_decides_who_is_shuffled_with_whom() -> None:
    assert len({stand_in("de", LANGUAGES, "en", seed) for seed in range(10)}) > 1


def test_a_language_that_is_not_shuffled_and_one_alone_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)'cy'.*Known: ar, de.*projection.among"):
        stand_in("cy", LANGUAGES, "en", 0)
    with pytest.raises(BenchError, match="two languages or more"):
        stand_in("de", ["de", "en"], "en", 0)


@pytest.mark.parametrize("blocks", [2, 4, 12])
def test_one_side_alone_has_a_setting_a_layer(blocks: int) -> None:
    into, back = ProjectionKind.lirp_only, ProjectionKind.lsrp_only
    assert [pair.lirp for pair in distinct_pairs(into, blocks)] == list(range(1, blocks))
    assert [pair.lsrp for pair in distinct_pairs(back, blocks)] == list(range(2, blocks + 1))
    for pair in all_pairs(blocks):
        assert representative(into, pair, blocks).lirp == pair.lirp
        assert representative(back, pair, blocks).lsrp == pair.lsrp
    for kind in set(ProjectionKind) - {into, back}:
        assert distinct_pairs(kind, blocks) == all_pairs(blocks)


def test_the_evaluated_pairs_fill_the_grid() -> None:
    pairs = all_pairs(4)
    hits = np.full((1 + len(pairs), 2), -1, dtype=np.int8)
    hits[0] = 1
    for pair in distinct_pairs(ProjectionKind.lsrp_only, 4):
        hits[1 + pairs.index(pair)] = pair.lsrp
    filled = spread(ProjectionKind.lsrp_only, hits, 4)
    assert filled[0].tolist() == [1, 1]
    assert [row[0] for row in filled[1:].tolist()] == [pair.lsrp for pair in pairs]
    assert spread(ProjectionKind.random, hits, 4).tolist() == hits.tolist()


def test_pairs_of_all_kinds_are_pairs_of_the_model() -> None:
    for kind in ProjectionKind:
        assert {representative(kind, pair, 3) for pair in all_pairs(3)} <= set(all_pairs(3))
    assert representative(ProjectionKind.lirp_only, LayerPair(1, 2), 3) == LayerPair(1, 3)


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({}, "run"),
        ({"kind": "lirp_only", "seed": 3}, "run/lirp_only"),
        ({"kind": "random"}, "run/random"),
        ({"kind": "random", "seed": 3}, "run/random_seed3"),
        ({"kind": "shuffled", "seed": 3}, "run/shuffled_seed3"),
        ({"kind": "shuffled", "seed": 3, "language": "zh"}, "run/shuffled_zh"),
        ({"kind": "other_pivot", "language": "de"}, "run/other_pivot_de"),
    ],
)
def test_what_moves_otherwise_lies_elsewhere(settings: dict[str, Any], folder: str) -> None:
    assert experiment_folder("run", label(_settings(**settings))) == folder


def _settings(kind: str = "lrp2", **more: Any) -> ProjectionSettings:
    return ProjectionSettings(ProjectionKind[kind], **more)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "random", "language": "fr"}, "projection.language=fr says nothing to projection=random"),
        ({"language": "fr"}, "says nothing to projection=lrp2"),
        ({"kind": "other_pivot"}, "needs projection.language"),
        ({"kind": "other_pivot", "language": "de"}, "would move nothing"),
        ({"kind": "other_pivot", "language": "en"}, "as projection=lrp2 does, for 'en' is the pivot"),
        ({"kind": "shuffled", "language": "de"}, "would move as projection=lrp2 does"),
        ({"kind": "shuffled", "language": "en"}, "would move nothing, for 'en' is the pivot"),
    ],
)
def test_settings_that_say_nothing_or_move_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        require_projection(_settings(**settings), "de", "en")


@pytest.mark.parametrize("settings", [{}, {"kind": "shuffled"}, {"kind": "other_pivot", "language": "fr"}])
def test_settings_that_move_something_pass(settings: dict[str, Any]) -> None:
    require_projection(_settings(**settings), "de", "en")


def test_a_label_is_told_from_the_name_of_an_experiment() -> None:
    kinds = [kind for kind in ProjectionKind if kind is not ProjectionKind.lrp2]
    labels = {
        label(ProjectionSettings(kind, seed, code)) for kind in kinds for seed in (0, 12) for code in (None, "ceb")
    }
    assert labels > {"random", "random_seed12", "other_pivot_ceb"} and all(map(is_label, labels))
    assert not any(map(is_label, ("lrp2", "paper", "randomised", "random_words", "shuffled_seed", "my_random")))
