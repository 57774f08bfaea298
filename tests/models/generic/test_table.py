"""docs/models.md is that of the families there are, and says of refused models what a user is told."""

from __future__ import annotations

from tests.support import named_table
from tests.support.families import FAMILIES
from tests.support.family_table import PAGE, REFUSED, real_lines, refusal
from tests.support.seq2seq import SEQ2SEQ


def test_the_page_of_models_is_up_to_date() -> None:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text("utf-8").splitlines()]
    rows = {cells[0]: cells[1:] for cells in lines if cells}
    missing = "Write it again with `python -m tests.support.family_table`."
    named = {row[0]: list(row[1:]) for row in named_table.rows()}
    real = {line.split("|")[1].strip() for line in real_lines(PAGE)}
    known = {"family", "model", "model=", "---"} | set(FAMILIES) | set(SEQ2SEQ) | set(REFUSED) | set(named) | real
    assert set(rows) == known, missing
    assert len(real) == 1
    assert {name: rows[name] for name in named} == named, missing
    for name, config in REFUSED.items():
        assert tuple(rows[name]) == refusal(config), missing
    for name in SEQ2SEQ:
        assert rows[name][5].startswith("0 of "), name
    for name, family in FAMILIES.items():
        assert ("one row per sentence" in rows[name][3]) == (not family.packs), name
        assert rows[name][5].startswith("0 of "), name
