"""Ablations move what they say and nothing else, and those that move nothing of their own are refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import LRP2, ProjectionSettings, ProjectionTokens
from lrp2_bench.core.types import LayerPair, all_pairs
from lrp2_bench.interventions.base import SINGLE_SETTINGS
from lrp2_bench.interventions.random import random_shifts
from lrp2_bench.interventions.registry import INTERVENTIONS, intervention, is_label, name_in
from lrp2_bench.interventions.shuffled import drawn_language
from lrp2_bench.results.layout import experiment_folders
from tests.support.interventions import projection_vectors

TEXT = ProjectionTokens.text
LANGUAGES = ("ar", "de", "el", "en", "fr", "zh")


def _shift(layers: int = 5, hidden: int = 16) -> torch.Tensor:
    return torch.randn(layers, hidden, generator=torch.Generator().manual_seed(3))


def test_each_side_alone_moves_on_its_side_only() -> None:
    pivot = _shift()
    into, back, whole = (
        projection_vectors(name, torch.zeros_like(pivot), pivot) for name in ("lirp_only", "lsrp_only", LRP2)
    )
    assert into.added.equal(pivot) and not into.subtracted.any()
    assert back.subtracted.equal(pivot) and not back.added.any()
    assert whole.added.equal(pivot) and whole.subtracted.equal(pivot)


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
    others = [drawn_language(code, LANGUAGES, "en", seed) for code in LANGUAGES if code != "en"]
    assert sorted(others) == [code for code in LANGUAGES if code != "en"]
    assert all(other != code for other, code in zip(others, ("ar", "de", "el", "fr", "zh"), strict=True))


def test_the_seed_decides_who_is_shuffled_with_whom() -> None:
    assert len({drawn_language("de", LANGUAGES, "en", seed) for seed in range(10)}) > 1


def test_a_language_that_is_not_shuffled_and_one_alone_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)'cy'.*Known: ar, de.*projection.among"):
        drawn_language("cy", LANGUAGES, "en", 0)
    with pytest.raises(BenchError, match="two languages or more"):
        drawn_language("de", ["de", "en"], "en", 0)


@pytest.mark.parametrize("blocks", [2, 4, 12])
def test_one_side_alone_has_a_setting_a_layer(blocks: int) -> None:
    into, back = INTERVENTIONS.get("lirp_only"), INTERVENTIONS.get("lsrp_only")
    assert [pair.lirp for pair in into.distinct_pairs(blocks)] == list(range(1, blocks))
    assert [pair.lsrp for pair in back.distinct_pairs(blocks)] == list(range(2, blocks + 1))
    for pair in all_pairs(blocks):
        assert into.representative(pair, blocks).lirp == pair.lirp
        assert back.representative(pair, blocks).lsrp == pair.lsrp
    for name in ("lrp2", "random", "shuffled", "other_pivot"):
        assert INTERVENTIONS.get(name).distinct_pairs(blocks) == all_pairs(blocks)


def test_the_evaluated_pairs_fill_the_grid() -> None:
    pairs = all_pairs(4)
    hits = np.full((1 + len(pairs), 2), -1, dtype=np.int8)
    hits[0] = 1
    one_side = INTERVENTIONS.get("lsrp_only")
    for pair in one_side.distinct_pairs(4):
        hits[1 + pairs.index(pair)] = pair.lsrp
    filled = one_side.spread(hits, 4)
    assert filled[0].tolist() == [1, 1]
    assert [row[0] for row in filled[1:].tolist()] == [pair.lsrp for pair in pairs]
    assert INTERVENTIONS.get("random").spread(hits, 4).tolist() == hits.tolist()


def test_of_pairs_that_move_alike_the_cheapest_is_evaluated() -> None:
    assert INTERVENTIONS.get("lirp_only").representative(LayerPair(1, 2), 3) == LayerPair(1, 3)
    assert INTERVENTIONS.get("lsrp_only").representative(LayerPair(2, 3), 3) == LayerPair(1, 3)


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
        ({"tokens": TEXT}, "run/lrp2_text"),
        ({"kind": "lsrp_only", "tokens": TEXT}, "run/lsrp_only_text"),
        ({"kind": "random", "seed": 3, "tokens": TEXT}, "run/random_seed3_text"),
        ({"kind": "other_pivot", "language": "de", "tokens": TEXT}, "run/other_pivot_de_text"),
    ],
)
def test_what_moves_otherwise_lies_elsewhere(settings: dict[str, Any], folder: str) -> None:
    assert "/".join(experiment_folders("run", intervention(_settings(**settings)).label)) == folder


def _settings(kind: str = "lrp2", **more: Any) -> ProjectionSettings:
    return ProjectionSettings(kind, **more)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "random", "language": "fr"}, "projection.language=fr has no effect on projection=random"),
        ({"language": "fr"}, "has no effect on projection=lrp2"),
        ({"kind": "other_pivot"}, "needs projection.language"),
        ({"kind": "other_pivot", "language": "de"}, "would change nothing"),
        ({"kind": "other_pivot", "language": "en"}, "the same as projection=lrp2: 'en' is the pivot"),
        ({"kind": "shuffled", "language": "de"}, "would do the same as projection=lrp2"),
        ({"kind": "shuffled", "language": "en"}, "would change nothing: 'en' is the pivot"),
        (
            {"rank": 3},
            "projection.rank=3 has no effect on projection=lrp2.\n.*projection=subspace or projection=subspace_removal",
        ),
        ({"kind": "random", "dimensions": 0.1}, "dimensions=0.1 has no effect on projection=random.*\n.*=sparse"),
        ({"kind": "shuffled", "keep_norm": True}, "keep_norm=true has no effect on projection=shuffled.*\n.*=recover"),
        ({"kind": "other_pivot", "language": "fr", "rank": 2}, "rank=2 has no effect on projection=other_pivot"),
        ({"kind": "sparse", "rank": 1}, "rank=1 has no effect on projection=sparse"),
        ({"kind": "subspace", "keep_norm": True}, "keep_norm=true has no effect on projection=subspace"),
        ({"kind": "random", "seed": -1}, "projection.seed=-1 is no seed.\nGive a whole number from 0 on"),
        ({"kind": "shuffled", "seed": -1}, "projection.seed=-1 is no seed.\nGive a whole number from 0 on"),
    ],
)
def test_settings_that_say_nothing_or_move_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        intervention(_settings(**settings)).require("de", "en")


def test_the_interventions_that_are_named_as_reading_a_setting_are_those_that_do() -> None:
    for setting, named in SINGLE_SETTINGS.items():
        assert named == tuple(name for name in INTERVENTIONS.names() if setting in INTERVENTIONS.get(name).uses)


@pytest.mark.parametrize("settings", [{}, {"kind": "shuffled"}, {"kind": "other_pivot", "language": "fr"}])
def test_settings_that_move_something_pass(settings: dict[str, Any]) -> None:
    intervention(_settings(**settings)).require("de", "en")


@pytest.mark.parametrize(
    ("settings", "other", "identity"),
    [
        ({}, None, "lrp2"),
        ({"kind": "lirp_only", "seed": 3}, None, "lirp_only"),
        ({"kind": "random", "seed": 3}, None, "random(seed=3)"),
        ({"kind": "shuffled", "seed": 3}, "fr", "shuffled(fr)"),
        ({"kind": "shuffled"}, None, "shuffled"),
        ({"kind": "other_pivot", "language": "fr"}, "fr", "other_pivot(fr)"),
    ],
)
def test_folders_of_earlier_versions_have_the_same_identity(
    settings: dict[str, Any], other: str | None, identity: str
) -> None:
    assert intervention(_settings(**settings)).identity(other) == identity


def test_a_label_is_told_from_the_name_of_an_experiment() -> None:
    names = [name for name in INTERVENTIONS.names() if name != LRP2]
    labels = {
        intervention(ProjectionSettings(name, seed, code, tokens=tokens)).label
        for name in names
        for seed in (0, 12)
        for code in (None, "ceb")
        for tokens in ProjectionTokens
    }
    assert labels > {"random", "random_seed12", "other_pivot_ceb", "random_text"} and all(map(is_label, labels))
    assert is_label("lrp2_text")
    others = ("lrp2", "lrp2_de", "lrp2_seed1", "paper", "randomised", "random_words", "shuffled_seed", "my_random")
    assert not any(map(is_label, others))
    assert name_in("other_pivot_ceb") == "other_pivot" and name_in("paper") is None


def test_an_unknown_projection_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"(?s)'randm'. Did you mean 'random'.*Known: .*shuffled"):
        intervention(_settings("randm"))


def test_a_report_reads_ours_without_pytorch() -> None:
    code = (
        "import sys\nfrom lrp2_bench.interventions.registry import INTERVENTIONS\n"
        "[INTERVENTIONS.get(name).how for name in INTERVENTIONS.names()]\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
