"""What was asked comes back from ``facts.parquet`` as the dataset wrote it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.results.facts import FactText, read_facts, write_facts


def relation(name: str, template: str, *facts: tuple[int, str, str]) -> Relation:
    made = tuple(Fact(name, line, f"{name}-{line}", subject, "s", answer, "o") for line, subject, answer in facts)
    return Relation(name, template, made, {})


OURS = relation("P36", "Die Hauptstadt von [X] ist [Y] .", (1, "Frankreich", "Paris"), (2, "Ägypten", "Kairo"))
THEIRS = relation("P36", "[Y] is the capital of [X] .", (2, "Egypt", "Cairo"))
EMPTY = relation("P30", "[X] liegt in [Y] .")


def test_queries_leave_the_object_open_and_the_pivot_stands_beside_where_it_has_the_fact(tmp_path: Path) -> None:
    path = tmp_path / "facts.parquet"
    write_facts(path, [(EMPTY, EMPTY), (OURS, THEIRS)])
    assert read_facts(path) == {
        ("P36", "P36-1"): FactText("Die Hauptstadt von Frankreich ist [Y] .", "Paris", None, None),
        ("P36", "P36-2"): FactText(
            "Die Hauptstadt von Ägypten ist [Y] .", "Kairo", "[Y] is the capital of Egypt .", "Cairo"
        ),
    }
    table = pd.read_parquet(path)
    assert table.columns.tolist() == ["relation", "uuid", "query", "object", "pivot_query", "pivot_object", "subject"]


def test_a_label_that_no_file_can_hold_does_not_cost_the_others(tmp_path: Path) -> None:
    odd = relation("P36", "[X] [Y]", (1, "half \ud83d", "a"), (2, "b", "<script>"))
    write_facts(tmp_path / "facts.parquet", [(odd, odd)])
    texts = read_facts(tmp_path / "facts.parquet")
    assert [text.query for text in texts.values()] == ["half ? [Y]", "b [Y]"]
    assert texts["P36", "P36-2"].object == "<script>"


@pytest.mark.parametrize(("damage", "said"), [(None, "is missing"), (b"PAR1 no PAR1", "is damaged")])
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, damage: bytes | None, said: str) -> None:
    path = tmp_path / "facts.parquet"
    if damage:
        path.write_bytes(damage)
    with pytest.raises(BenchError, match=f"{said}.*search. again"):
        read_facts(path)


def test_a_table_of_other_columns_is_damaged(tmp_path: Path) -> None:
    pd.DataFrame({"relation": ["P36"], "uuid": ["a"]}).to_parquet(tmp_path / "facts.parquet")
    with pytest.raises(BenchError, match="is damaged"):
        read_facts(tmp_path / "facts.parquet")
