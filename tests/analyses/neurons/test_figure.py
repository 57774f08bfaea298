"""The figure of shared knowledge neurons shows its numbers, and fits two relations as well as 41."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from lrp2_bench.analyses.neurons.figure import neurons
from lrp2_bench.analyses.neurons.table import Counted, SharedNeurons
from lrp2_bench.core.types import LayerPair
from tests.support.drawing import panels, text_of, texts

PAIR = LayerPair(4, 10)
HOW = Counted("mbert", "mlama", 20, "right", 20, 20)


def _shared(relations: int, pair: LayerPair | None = PAIR) -> SharedNeurons:
    random = np.random.default_rng(0)
    names = tuple(f"P{17 + number}" for number in range(relations))
    shares = [5.0 * random.integers(0, 8, size=(relations, relations)) for _ in range(2)]
    return SharedNeurons(
        "zh", "en", names, (20,) * relations, pair, shares[0], shares[1] if pair is not None else None, ()
    )


@pytest.mark.parametrize("relations", [2, 8, 41])
def test_every_pair_of_relations_is_drawn_without_and_with_lrp2(relations: int) -> None:
    one = _shared(relations)
    figure = neurons(one, HOW)
    drawn = panels(figure)
    assert list(drawn) == ["Baseline", "LRP2 at 4/10"]
    for axes, overlap in zip(drawn.values(), (one.baseline, one.lrp2), strict=True):
        assert overlap is not None
        (mesh,) = [each for each in axes.collections if isinstance(each, QuadMesh)]
        np.testing.assert_array_equal(mesh.get_array(), overlap)
        assert text_of(axes, "means").startswith(f"same {np.diag(overlap).mean():.1f} ")
        assert axes.yaxis_inverted()
    numbers = [text.get_text() for text in drawn["Baseline"].texts if text.get_gid() != "means"]
    assert numbers == ([f"{share:.0f}" for share in one.baseline.ravel()] if relations <= 8 else [])
    assert "Chinese" in texts(figure) and "relations in English" in texts(figure)


def test_without_a_pair_there_is_one_panel() -> None:
    assert list(panels(neurons(_shared(3, None), HOW))) == ["Baseline"]


def test_nothing_shared_at_all_still_has_a_scale() -> None:
    one = _shared(3, None)
    one.baseline[:] = 0
    assert "same 0.0   different 0.0   all 0.0" in texts(neurons(one, HOW))
