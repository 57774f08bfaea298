"""Errors of unknown names: what is known, and what may have been meant."""

from __future__ import annotations

import pytest

from lrp2_bench.core.errors import UnknownNameError


@pytest.mark.parametrize(("name", "told"), [(101, "'101'. Did you mean '101'?"), (None, "'None'."), (True, "'True'.")])
def test_a_name_that_yaml_reads_as_something_else_is_told_as_any_other(name: object, told: str) -> None:
    text = str(UnknownNameError("relation", name, ["P36", "101"]))
    assert text == f"Unknown relation {told}\nKnown: 101, P36."
