"""Which of a tokenizer's tokens are special: there for the model, not for the text."""

from __future__ import annotations

import re
from typing import Any

#: T5's places for an answer, which its tokenizer calls special too.
_SENTINEL = re.compile(r"<extra_id_\d+>")


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Begin, end, class, separator, padding and whatever else the tokenizer has declared as special or adds by itself.

    Not the mask token (nor a sentinel), which stands where an answer is read, and not the unknown token, which stands
    for a word; unless one id serves as both, as GPT-2's end of text does.
    """
    roles = {getattr(tokenizer, f"{role}_token_id", None) for role in ("bos", "eos", "cls", "sep")}
    added = tokenizer.added_tokens_decoder
    declared = set(tokenizer.all_special_ids) | {index for index, token in added.items() if token.special}
    # What stands around no text at all: not every tokenizer declares what its template adds.
    around = set(tokenizer("", verbose=False)["input_ids"])
    around -= set(tokenizer("", add_special_tokens=False, verbose=False)["input_ids"])
    places = {index for index, token in added.items() if _SENTINEL.fullmatch(str(token))}
    of_text = {tokenizer.mask_token_id, tokenizer.unk_token_id} | places
    return frozenset(index for index in roles | around | (declared - of_text) if index is not None)
