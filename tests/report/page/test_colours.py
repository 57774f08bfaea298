"""The page's colours: even steps from loss over nothing to gain, told apart by lightness alone."""

from __future__ import annotations

import numpy as np
import pytest

from lrp2_bench.report.page.colours import ENDS, STOPS, diverging, oklab


def test_white_black_and_red_have_their_known_places_in_oklab() -> None:
    assert oklab("#ffffff") == pytest.approx([1, 0, 0], abs=1e-4)
    assert oklab("#000000") == pytest.approx([0, 0, 0], abs=1e-4)
    assert oklab("#ff0000") == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_steps_of_a_half_look_alike_and_both_halves_reach_as_far(theme: str) -> None:
    ramp = diverging(theme)
    assert len(ramp) == STOPS and (ramp[0], ramp[STOPS // 2], ramp[-1]) == ENDS[theme]
    places = np.array([oklab(colour) for colour in ramp])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    for half in (steps[: STOPS // 2], steps[STOPS // 2 :]):
        # A channel has 256 values, so a step cannot be had exactly.
        assert half == pytest.approx(half.mean(), rel=0.12)
    lightness = places[:, 0]
    away = -1 if theme == "light" else 1
    assert (np.diff(lightness[STOPS // 2 :]) * away > 0).all() and (
        np.diff(lightness[: STOPS // 2 + 1]) * away < 0
    ).all()
    assert abs(lightness[0] - lightness[-1]) < 0.03
