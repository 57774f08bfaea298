"""A token's writing system is the one script of its characters, whatever tokenizer wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.analyses.tokens.writing_systems import scripts_of, writing_systems
from lrp2_bench.models.token_embeddings import Token


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("Haus", {"Latn"}),
        (" дом", {"Cyrl"}),
        ("é", {"Latn"}),
        ("e\N{COMBINING ACUTE ACCENT}", {"Latn"}),  # a mark of all scripts
        ("\N{ARABIC FATHA}", set()),  # alone, it decides nothing
        ("3,5 %", set()),
        ("ラーメン", {"Kana"}),  # the long mark is of two scripts
        ("日本の", {"Hani", "Hira"}),
        ("한국", {"Hang"}),
        ("kм", {"Latn", "Cyrl"}),
        ("", set()),
        ("\U0001e030", {"Cyrl"}),  # of Unicode 15, newer than Python 3.11's
    ],
)
def test_marks_digits_and_signs_have_no_script_of_their_own(text: str, scripts: set[str]) -> None:
    assert scripts_of(text) == scripts


def test_what_has_no_single_script_is_counted_and_left_out() -> None:
    texts = ["ab", "cd", "д", "1", "?", "aд", None, "ж"]
    tokens = [Token(3 * row, text, None if text else "bytes") for row, text in enumerate(texts)]
    tokens.append(Token(99, None, "special"))
    found = writing_systems(tokens)
    assert found.left_out == {"special": 1, "bytes": 1, "common": 2, "mixed": 1}
    # Ties are broken by the script's code: Cyrl before Latn.
    assert found.names == ("Cyrillic", "Latin") and found.sizes.tolist() == [2, 2]
    assert found.rows.tolist() == [0, 3, 6, 21] and found.label.tolist() == [1, 1, 0, 0]


def test_the_largest_writing_system_comes_first() -> None:
    found = writing_systems([Token(row, text) for row, text in enumerate(["д", "a", "b", "한", "c", "국"])])
    assert found.names == ("Latin", "Hangul", "Cyrillic")


def test_a_vocabulary_without_letters_has_no_writing_systems() -> None:
    found = writing_systems([Token(0, "1"), Token(1, None, "special")])
    assert found.names == () and found.sizes.size == 0 and not found.rows.size


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "bloom"])
def test_tokens_are_read_without_their_tokenizers_marks(architecture: str, model_folder: Callable[[str], Path]) -> None:
    from lrp2_bench.models.token_embeddings import read_embeddings, read_tokens

    folder = model_folder(architecture)
    tokens, embeddings = read_tokens(folder), read_embeddings(folder)
    assert [token.index for token in tokens] == sorted({token.index for token in tokens})
    assert len(embeddings) >= len(tokens) and embeddings.shape[1] == 32
    texts = [token.text for token in tokens if token.text is not None]
    assert not any(text.startswith("##") and text != "##" for text in texts)
    assert not any("▁" in text or "Ġ" in text for text in texts)
    # Special tokens are no text, and neither is part of a character.
    assert any(token.textless == "special" for token in tokens)
    assert any(token.textless == "bytes" for token in tokens) == (architecture == "bloom")
    names = set(writing_systems(tokens).names)
    assert {"Latin"} < names, names
