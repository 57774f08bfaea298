"""Where a fact's own object is asked for, and which facts cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.probing.answer_prompts import CANNOT_ASK, answer_prompts
from tests.support.models import ARCHITECTURES, family_of
from tests.support.probing import load, relation_of

MASKED = [name for name in ARCHITECTURES if family_of(name) == "masked"]
FACTS = [("Japan", "Tokio"), ("China", "Peking"), ("Ägypten", "Kairo"), ("Frankreich", "Vereinigtes Königreich")]


@pytest.mark.parametrize("architecture", MASKED)
def test_a_masked_prompt_has_a_mask_for_every_token_of_the_object(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    tokenizer = model.tokenizer
    relation = relation_of("Die Hauptstadt von [X] ist [Y] .", FACTS)
    for fact, prompt in zip(relation.facts, answer_prompts(model, relation, "de", DataWarnings()), strict=True):
        assert prompt is not None
        targets = tokenizer.encode(fact.object, add_special_tokens=False)
        masks = " ".join([tokenizer.mask_token] * len(targets))
        assert list(prompt.ids) == tokenizer.encode(relation.fill(fact, masks).text)
        assert [prompt.ids[place] for place in prompt.positions] == [tokenizer.mask_token_id] * len(targets)
        assert list(prompt.targets) == targets


@pytest.mark.parametrize(
    "template", ["Die Hauptstadt von [X] ist [Y] .", "In [X] liegt [Y]", "([Y]) [X]", "[X]的首都是[Y]。"]
)
def test_a_causal_prompt_ends_where_the_objects_last_token_is_predicted(
    template: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder("bloom"))
    relation = relation_of(template, [*FACTS, ("日本", "东京"), ("[Y]", "Asien")])
    for fact, prompt in zip(relation.facts, answer_prompts(model, relation, "de", DataWarnings()), strict=True):
        assert prompt is not None
        whole = model.tokenizer.encode(relation.fill(fact, fact.object).text)
        assert list(prompt.ids) == whole[: len(prompt.ids)]
        assert prompt.positions[-1] == len(prompt.ids) - 1
        assert [whole[place + 1] for place in prompt.positions] == list(prompt.targets)
        said = model.tokenizer.decode(prompt.targets)
        assert fact.object in said and len(said.strip(" (")) <= len(fact.object) + 1


def test_the_object_of_a_subject_asked_in_other_words_is_found_in_its_own_sentence(
    model_folder: Callable[[str], Path],
) -> None:
    model = load(model_folder("bloom"))
    plain = relation_of("[X] war in [Y] .", [("Japan", "Peking"), ("China", "Tokio")])
    relation = replace(plain, variants={"Japan": "Das große alte [X] war in [Y] ."})
    for fact, prompt in zip(relation.facts, answer_prompts(model, relation, "de", DataWarnings()), strict=True):
        assert prompt is not None
        whole = model.tokenizer.encode(relation.fill(fact, fact.object).text)
        assert list(prompt.ids) == whole[: len(prompt.ids)]
        assert model.tokenizer.decode(prompt.targets).strip() == fact.object


def test_an_object_at_the_start_is_scored_from_its_second_token_on(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bloom"))
    relation = relation_of("[Y] liegt in [X] .", [("Japan", "Vereinigtes Königreich")])
    (prompt,) = answer_prompts(model, relation, "de", DataWarnings())
    assert prompt is not None and prompt.positions[0] == 0
    whole = model.tokenizer.encode(relation.fill(relation.facts[0], "Vereinigtes Königreich").text)
    assert list(prompt.targets) == whole[1 : len(prompt.targets) + 1]


def test_facts_that_cannot_be_asked_are_left_out_and_counted(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    facts = [("Japan", "Tokio"), ("[MASK] Japan", "Tokio"), ("China " * 80, "Peking"), ("Japan", "\u0e01"), ("a", " ")]
    relation, data_warnings = relation_of("[X] [Y] .", facts), DataWarnings()
    found = answer_prompts(model, relation, "de P1", data_warnings)
    assert [prompt is not None for prompt in found] == [True, False, False, False, False]
    assert data_warnings.count(CANNOT_ASK) == 4
    assert answer_prompts(model, relation_of("[X] [Y] .", []), "de P1", data_warnings) == []


def test_an_object_that_is_a_sentences_first_token_alone_is_left_out(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bloom"))
    data_warnings = DataWarnings()
    assert answer_prompts(model, relation_of("[Y]: [X]", [("Japan", "a")]), "de", data_warnings) == [None]
    assert data_warnings.count(CANNOT_ASK) == 1
