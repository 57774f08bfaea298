"""The sentinels of a tokenizer: tokens that stand for a span that is left out, and begin and end what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What stands for the object in a query, and in front of it in the decoder; what follows it there.
OPENING, CLOSING = "<extra_id_0>", "<extra_id_1>"


@dataclass(frozen=True)
class Sentinels:
    """Their token ids."""

    opening: int
    closing: int


def sentinels_of(tokenizer: Any, vocab_size: int) -> Sentinels:
    """Raises :class:`ValueError` for a tokenizer that does not read each of them as one token of the model's."""
    found = []
    for text in (OPENING, CLOSING):
        ids = tokenizer(f"a {text} b", add_special_tokens=False)["input_ids"]
        token = tokenizer.convert_tokens_to_ids(text)
        if token is None or token == tokenizer.unk_token_id or ids.count(token) != 1:
            raise ValueError(
                f"its tokenizer has no sentinel {text}, which stands for the object in a query: it reads it as "
                f"{tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)['input_ids'])}.\n"
                "Save the tokenizer that the model was pretrained with into its folder, such as "
                "AutoTokenizer.from_pretrained('google/mt5-small').save_pretrained(DIR) for mT5, or choose a "
                "checkpoint that was pretrained with sentinels (a translation model was not)."
            )
        if token >= vocab_size:
            raise ValueError(
                f"its tokenizer reads {text} as token {token}, but the model has {vocab_size}, 0 to {vocab_size - 1}.\n"
                "Use the tokenizer that the model was pretrained with."
            )
        found.append(token)
    return Sentinels(*found)
