"""Tokenizers that put other tokens around a text, or pad otherwise, than those the small models are saved with."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenizers import processors

from lrp2_bench.models.layered import LayeredModel

Model = TypeVar("Model", bound=LayeredModel)


@dataclass(frozen=True)
class Around:
    """``template`` names tokens by their text, ``$A`` being the sentence; ``padding`` False: there is no pad token."""

    template: str
    padding: bool = True
    side: str = "right"


#: Of decoders: nothing (BLOOM, Qwen); a begin, no padding, to the left (Llama); XGLM's end in front; both ends (GPT-2's
#: kin with an end that is padding too).
DECODERS = {
    "nothing": Around("$A"),
    "begin": Around("<s> $A", padding=False, side="left"),
    "end in front": Around("</s> $A", side="left"),
    "both": Around("<s> $A </s>"),
}


def with_tokenizer(model: Model, around: Around) -> Model:
    """The same weights behind a changed copy of the tokenizer."""
    tokenizer = copy.deepcopy(model.tokenizer)
    names = [part for part in around.template.split() if part != "$A"]
    ids = [(name, tokenizer.convert_tokens_to_ids(name)) for name in dict.fromkeys(names)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=around.template, pair=f"{around.template} $B", special_tokens=ids
    )
    tokenizer.padding_side = around.side
    if not around.padding:
        tokenizer.pad_token = None
    return type(model)(model.model, tokenizer)


def special_of(tokenizer: Any) -> list[int]:
    """The ids that the small models' tokenizers put around texts or fill them up with, named one by one."""
    return tokenizer.convert_tokens_to_ids(
        ["[CLS]", "[SEP]", "[PAD]"] if "[CLS]" in tokenizer.get_vocab() else ["<s>", "</s>", "<pad>"]
    )
