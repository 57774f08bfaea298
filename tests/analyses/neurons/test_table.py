"""The table of shared knowledge neurons sets the published numbers beside ours where there are any."""

from __future__ import annotations

import numpy as np

from lrp2_bench.analyses.neurons.compute import Completeness
from lrp2_bench.analyses.neurons.table import Counted, Exactness, SharedNeurons, exactness_table, overlap_table
from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.plain import to_csv, to_markdown


def _how(model: str = "mbert", dataset: str = "mlama") -> Counted:
    return Counted(model, dataset, 20, "right", 20, 20)


def _shared(language: str, pair: LayerPair | None) -> SharedNeurons:
    overlap = np.array([[30.0, 10.0], [0.0, 50.0]])
    sides = (Exactness("en", 9, 0.5, Completeness(1.0, 20.0, 0.25)),)
    lrp2 = overlap + 5 if pair is not None else None
    return SharedNeurons(language, "en", ("P17", "P30"), (5, 4), pair, overlap, lrp2, sides)


def test_the_papers_numbers_stand_beside_those_of_chinese_alone() -> None:
    table = overlap_table([_shared("zh", LayerPair(4, 10)), _shared("de", None)], _how())
    assert [column.key for column in table.columns][-3:] == [
        "same_published", "different_published", "average_published",
    ]  # fmt: skip
    assert [row[5:] for row in table.rows] == [
        (40.0, 5.0, 22.5, 17.9, 11.5, 11.7),
        (45.0, 10.0, 27.5, 18.5, 11.9, 12.1),
        (40.0, 5.0, 22.5, None, None, None),
    ]
    assert table.rows[1][2] == LayerPair(4, 10) and table.rows[0][3:5] == (2, 9)
    assert any("No pair is known for de:" in note for note in table.notes)
    assert "18.5" in to_markdown(table) and "same_published" in to_csv(table)


def test_what_was_not_published_has_no_columns() -> None:
    for how in (_how("tiny_mbert"), _how(dataset="cldr")):
        table = overlap_table([_shared("zh", LayerPair(4, 10))], how)
        assert table.columns[-1].key == "average"
        assert not any("No pair" in note for note in table.notes)


def test_errors_are_shares_of_changes_in_percent() -> None:
    table = exactness_table([_shared("zh", None)], _how())
    assert table.rows == (("zh", "en", 9, 50.0, 5.0, 25.0),)
