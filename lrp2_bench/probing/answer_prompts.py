"""A fact's own object as a model would have to say it: where in a token sequence, and which tokens.

Masked models get as many masks as the object has tokens. Causal ones get the filled sentence up to the object's last
token but one, tokenized whole (a prefix by itself may give other tokens); what follows the object is left out.
Encoder-decoders get a sentinel in the object's place, and the object from their decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.models.seq2seq.sentinels import OPENING
from lrp2_bench.probing.masked_queries import between_masks

#: Kinds of :class:`DataWarnings` counted here.
CANNOT_ASK = "Facts whose own object cannot be asked for were left out"


@dataclass(frozen=True)
class AnswerPrompt:
    """Token ``targets[s]`` is the answer at position ``positions[s]`` of ``ids``; positions ascend.

    An encoder-decoder's positions are of its decoder, which begins with its start token and the opening sentinel.
    """

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    targets: tuple[int, ...]


def answer_prompts(
    model: LayeredModel, relation: Relation, where: str, data_warnings: DataWarnings
) -> list[AnswerPrompt | None]:
    """One for every fact of ``relation``, None (counted, ``where`` names it) for those that cannot be asked.

    These are objects without a token, with an unknown one or with none but a sentence's first, which nothing predicts;
    subjects that hold the mask token or the sentinel; and prompts longer than the model's positions.
    """
    if not relation.facts:
        return []
    ways: dict[Family, Callable[[Any, Relation], list[AnswerPrompt | None]]] = {
        "masked": _masked, "causal": _causal, "seq2seq": _seq2seq,
    }  # fmt: skip
    prompts = ways[model.family](model, relation)
    found: list[AnswerPrompt | None] = []
    for fact, prompt in zip(relation.facts, prompts, strict=True):
        fits = prompt is not None and (model.max_tokens is None or len(prompt.ids) <= model.max_tokens)
        if not fits:
            data_warnings.add(CANNOT_ASK, f"{where} {fact.uuid} '{fact.object}'")
        found.append(prompt if fits else None)
    return found


def _masked(model: LayeredModel, relation: Relation) -> list[AnswerPrompt | None]:
    tokenizer = model.tokenizer
    between, mask, unknown = between_masks(tokenizer), tokenizer.mask_token_id, tokenizer.unk_token_id
    queries = model.tokenize([relation.fill(fact, tokenizer.mask_token).text for fact in relation.facts])
    objects = model.tokenize([fact.object for fact in relation.facts], special=False)
    prompts: list[AnswerPrompt | None] = []
    for ids, targets in zip(queries, objects, strict=True):
        if ids.count(mask) != 1 or not targets or unknown in targets:
            prompts.append(None)
            continue
        place, count = ids.index(mask), len(targets)
        asked = [mask, *([*between, mask] * (count - 1))]
        positions = tuple(place + number * (1 + len(between)) for number in range(count))
        prompts.append(AnswerPrompt((*ids[:place], *asked, *ids[place + 1 :]), positions, tuple(targets)))
    return prompts


def _causal(model: LayeredModel, relation: Relation) -> list[AnswerPrompt | None]:
    filled = [relation.fill(fact, fact.object) for fact in relation.facts]
    texts = [prompt.text for prompt in filled]
    encoded = model.tokenizer(texts, verbose=False, return_offsets_mapping=True)
    model.check_ids(texts, encoded["input_ids"])
    prompts: list[AnswerPrompt | None] = []
    for prompt, ids, offsets in zip(filled, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        start, end = prompt.object
        tokens = [place for place, (a, b) in enumerate(offsets) if a < end and b > start]
        prompts.append(_predicted(ids, [place for place in tokens if place > 0], model.tokenizer.unk_token_id))
    return prompts


def _seq2seq(model: EncoderDecoder, relation: Relation) -> list[AnswerPrompt | None]:
    opening, unknown = model.sentinels.opening, model.tokenizer.unk_token_id
    queries = model.tokenize([relation.fill(fact, OPENING).text for fact in relation.facts])
    objects = model.tokenize([fact.object for fact in relation.facts], special=False)
    return [
        AnswerPrompt(tuple(ids), tuple(range(1, 1 + len(targets))), tuple(targets))
        if ids.count(opening) == 1 and targets and unknown not in targets
        else None
        for ids, targets in zip(queries, objects, strict=True)
    ]


def _predicted(ids: Sequence[int], places: Sequence[int], unknown: int | None) -> AnswerPrompt | None:
    """The prompt whose answers are the tokens at ``places``, each from the token before it."""
    targets = tuple(ids[place] for place in places)
    if not targets or unknown in targets:
        return None
    return AnswerPrompt(tuple(ids[: places[-1]]), tuple(place - 1 for place in places), targets)
