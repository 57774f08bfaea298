"""A filled template tells where its subject and object stand, whatever the labels hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrp2_bench.core.prompts import Prompt, fill_slots, fill_template
from lrp2_bench.core.types import Relation
from tests.support.probing import fact_of

_TEXT = st.text(max_size=8).filter(lambda text: "[X]" not in text and "[Y]" not in text)
_LABEL = st.text(max_size=8) | st.sampled_from(["[X]", "[Y]", "[X][Y]", "中国", "e\u0301", "👩‍🚀"])


@given(_TEXT, _TEXT, _TEXT, st.booleans(), _LABEL, _LABEL)
def test_spans_hold_the_labels_and_the_rest_is_the_template(
    before: str, middle: str, after: str, object_first: bool, subject: str, object_: str
) -> None:
    slots = ("[Y]", "[X]") if object_first else ("[X]", "[Y]")
    template = before + slots[0] + middle + slots[1] + after
    if template.count("[X]") != 1 or template.count("[Y]") != 1:
        return  # pieces that make a slot where they meet
    prompt = fill_template(template, subject, object_)
    labels = (object_, subject) if object_first else (subject, object_)
    assert prompt.text == before + labels[0] + middle + labels[1] + after
    assert prompt.text[slice(*prompt.subject)] == subject and prompt.text[slice(*prompt.object)] == object_
    assert prompt.subject[0] == len(before) + (len(labels[0]) + len(middle) if object_first else 0)


def test_a_variant_of_another_length_moves_the_objects_place() -> None:
    relation = Relation("P19", "[X] родился в городе [Y]", (), {}, {"Мария": "[X] родилась в городе [Y]"})
    assert relation.fill(fact_of("Мария"), "Москва") == Prompt("Мария родилась в городе Москва", (0, 5), (24, 30))
    assert relation.fill(fact_of("Борис"), "Москва").object == (23, 29)


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("[X] ist da .", "lacks \\[Y\\]"),
        ("nichts", "lacks \\[Y\\]"),
        ("[X] [X] [Y]", "\\[X\\] more than once"),
    ],
)
def test_a_template_without_a_slot_or_with_one_twice_is_refused(template: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        fill_template(template, "a", "b")


def test_only_the_slots_asked_for_are_filled() -> None:
    assert fill_slots("Stadt: [X].", {"[X]": "Wien"}) == ("Stadt: Wien.", {"[X]": (7, 11)})
    assert fill_slots("[X] [Y]", {"[Y]": "b"}) == ("[X] b", {"[Y]": (4, 5)})


def test_a_template_without_a_subject_is_filled_with_the_object_alone() -> None:
    assert fill_template("Brautkleider sind hier [Y].", "", "weiß") == Prompt(
        "Brautkleider sind hier weiß.", (0, 0), (23, 27)
    )
