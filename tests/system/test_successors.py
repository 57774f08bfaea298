"""mLAMA's successors as published, searched by the shipped models in three languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lrp2_bench as lrp2
from tests.support.paths import BMLAMA_ZIP, GEOMLAMA_ZIP, KLAR_ZIP, MPARAREL_ZIP, needs_successors

Settings = dict[str, Any]

#: Dataset, its settings, two of its relations, languages.
SEARCHES: list[tuple[str, Settings, list[str], list[str]]] = [
    ("bmlama", {"path": str(BMLAMA_ZIP)}, ["the_capital_of_x_is_y", "x_is_part_of_y"], ["de", "ko", "zh"]),
    ("bmlama", {"path": str(BMLAMA_ZIP), "edition": 17}, ["the_capital_of_x_is_y", "x_died_in_y"], ["fr", "ko", "zh"]),
    ("mpararel", {"path": str(MPARAREL_ZIP)}, ["P30", "P37"], ["de", "ja", "zh"]),
    (
        "geomlama", {"path": str(GEOMLAMA_ZIP)},
        ["people_usually_keep_y_when_driving_in_x", "the_staple_food_in_x_is_y"], ["fa", "hi", "zh"],
    ),
    (
        "klar", {"path": str(KLAR_ZIP)},
        ["what_instrument_does_x_play", "which_religion_is_x_affiliated_with"], ["fr", "ko", "zh"],
    ),
]  # fmt: skip


@needs_successors
@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_mbert", "tiny_bloom"])
@pytest.mark.parametrize(
    ("dataset", "settings", "relations", "languages"),
    SEARCHES,
    ids=["bmlama53", "bmlama17", "mpararel", "geomlama", "klar"],
)
def test_a_successor_of_mlama_is_searched(
    dataset: str, settings: Settings, relations: list[str], languages: list[str], model: str, tmp_path: Path
) -> None:
    asked = {f"dataset.{key}": value for key, value in settings.items()}
    results = lrp2.search(
        model=model, dataset=dataset, corpus="cldr", language=languages, outputs=tmp_path,
        **asked, **{"dataset.relations": relations, "dataset.limit": 3},
    )  # fmt: skip
    pairs = results.pairs
    assert sorted(set(pairs.language)) == languages and set(pairs.facts) == set(pairs.shared) == {6}
    assert set(pairs.dataset) == {f"bmlama{settings.get('edition', 53)}" if dataset == "bmlama" else dataset}
    assert pairs.accuracy.between(0, 100).all() and len(pairs) == 3 * 16
