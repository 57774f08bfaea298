"""Which tokens are special: those of the model, not the text's, and never the mask."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, processors

from lrp2_bench.models.special_tokens import special_ids
from tests.support import toy
from tests.support.models import tokenizer_of


def _named(tokenizer: object) -> set[str]:
    return set(tokenizer.convert_ids_to_tokens(sorted(special_ids(tokenizer))))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("architecture", "special"),
    [
        ("bert", {"[CLS]", "[SEP]", "[PAD]"}),
        ("xlm-roberta", {"<s>", "</s>", "<pad>"}),
        ("bloom", {"<s>", "</s>", "<pad>"}),
    ],
)
def test_the_ends_and_padding_are_special_the_mask_and_the_unknown_token_are_text(
    architecture: str, special: set[str]
) -> None:
    assert _named(tokenizer_of(architecture, toy.all_texts())) == special


def test_an_end_that_is_the_unknown_token_too_is_special() -> None:
    tokenizer = tokenizer_of("bloom", toy.all_texts())
    tokenizer.bos_token = tokenizer.eos_token = tokenizer.pad_token = tokenizer.unk_token
    assert "<unk>" in _named(tokenizer)


def test_padding_that_is_the_unknown_token_is_text_where_it_is_not_padding() -> None:
    tokenizer = tokenizer_of("bloom", toy.all_texts())
    tokenizer.pad_token = tokenizer.unk_token
    assert "<unk>" not in _named(tokenizer)


def test_what_the_template_adds_is_special_though_nothing_declares_it() -> None:
    tokenizer = tokenizer_of("bloom", toy.all_texts())
    (token,) = tokenizer.convert_ids_to_tokens([40])
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="begin $A", special_tokens=[{"id": "begin", "ids": [40], "tokens": [token]}]
    )
    assert token in _named(tokenizer)


def test_special_tokens_of_a_chat_are_special_and_places_for_an_answer_are_not() -> None:
    tokenizer = tokenizer_of("bloom", toy.all_texts())
    tokenizer.add_tokens([AddedToken("<turn>", special=True), AddedToken("<extra_id_0>", special=True), "word"])
    assert _named(tokenizer) == {"<s>", "</s>", "<pad>", "<turn>"}
