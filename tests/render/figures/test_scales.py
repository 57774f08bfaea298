"""Where colours end, what is said of cells beyond, and which layers have ticks."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.render.figures.scales import colour_scale, layer_ticks


def test_all_cells_within_the_scale_need_no_note() -> None:
    scale = colour_scale([np.array([[np.nan, 1.9], [-1.5, 0.5]])])
    assert (scale.limit, scale.extend, scale.note) == (2.0, "neither", "")
    assert (scale.norm.vmin, scale.norm.vmax) == (-2.0, 2.0)


def test_pairs_that_break_the_model_neither_bleach_the_gains_nor_share_one_colour() -> None:
    scale = colour_scale([np.array([0.4, 0.9, 0.2, -0.1]), np.array([-30.0, -50.0])])
    assert (scale.limit, scale.extend, scale.note) == (50.0, "neither", "")
    small, deep, deepest = scale.norm([0.9, -30.0, -50.0])
    assert small > 0.55 and 0.1 < deep < 0.2 and deepest == 0
    assert scale.norm(scale.ticks).tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert scale.norm.inverse(small) == pytest.approx(0.9)


def test_a_freak_gain_is_clipped_and_said() -> None:
    scale = colour_scale([np.append(np.full(399, 0.5), 40.0)])
    assert (scale.limit, scale.extend) == (0.5, "max")
    assert scale.note == (
        "Colours end at +0.50 and −0.50 points; 1 of 400 cells are beyond that, the lowest at +0.50, the highest at "
        "+40.00."
    )


def test_both_ends_may_be_clipped() -> None:
    scale = colour_scale([np.concatenate([np.full(300, 0.5), [40.0], np.full(200, -0.5), [-9.0]])])
    assert scale.extend == "both"


def test_where_nothing_changes_there_is_still_a_scale() -> None:
    assert colour_scale([np.zeros((2, 2))]).limit == 0.01


@pytest.mark.parametrize("reach", [0.013, 0.1, 0.3, 0.99, 1.0, 7.77, 10.0, 99.9])
def test_a_scale_ends_at_a_round_number_not_below_the_gains(reach: float) -> None:
    limit = colour_scale([np.full(9, reach)]).limit
    assert reach <= limit * (1 + 1e-9) and limit <= 1.5 * reach
    assert len(f"{limit:g}".lstrip("0.").replace(".", "").rstrip("0")) <= 2


def test_small_models_have_a_tick_at_every_layer_and_deep_ones_at_a_few() -> None:
    assert layer_ticks(6) == [1, 2, 3, 4, 5, 6]
    assert layer_ticks(12) == [1, 3, 6, 9, 12]
    assert layer_ticks(24) == [1, 6, 12, 18, 24]
    assert layer_ticks(24, first=0) == [0, 6, 12, 18, 24]
    assert layer_ticks(2) == [1, 2]
