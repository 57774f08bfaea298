"""``projection.tokens``: which tokens a language's vector is the mean of, and which an intervention moves.

The states of a decoder's first token, if that is special, may be a thousand times as long as all others', and the same
in every language: counted, they are most of the mean; moved, a different attention sink. A choice is one entry below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lrp2_bench.core.settings import ProjectionTokens
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts, as_edit
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.models.special_tokens import special_ids

#: The chosen tokens of a batch, padding never among them; of a packed tree's row, each by itself.
Choose = Callable[[TokenBatch], Bool[Tensor, "row token"]]


def _every(model: LayeredModel) -> Choose:
    return lambda batch: batch.keep


def _text(model: LayeredModel) -> Choose:
    special = torch.tensor(sorted(special_ids(model.tokenizer)), dtype=torch.long, device=model.device)
    return lambda batch: batch.keep & ~torch.isin(batch.ids, special)


def _last(model: LayeredModel) -> Choose:
    """Of a causal model's filled sentences: the last token of their common beginning, which predicts the first one that
    the candidates differ in; none where they differ from the start. Elsewhere the last token of the row."""
    text = _text(model)

    def choose(batch: TokenBatch) -> Bool[Tensor, "row token"]:
        found = text(batch)
        if batch.common is not None:
            found = found & (batch.positions < batch.common.unsqueeze(1))
        place = torch.where(found, batch.positions, -1)
        return found & (place == place.amax(dim=1, keepdim=True))

    return choose


@dataclass(frozen=True)
class Choice:
    """``mean`` says in a vector's metadata what it is the mean of; ``of`` makes the function for a model; ``none`` what
    is counted of a sentence without any such token."""

    mean: str
    of: Callable[[LayeredModel], Choose]
    none: str = "Sentences without a token were skipped"


CHOICES: Mapping[ProjectionTokens, Choice] = {
    ProjectionTokens.all: Choice("over sentences of the mean over tokens, special tokens counted", _every),
    ProjectionTokens.text: Choice(
        "over sentences of the mean over tokens, special tokens left out",
        _text,
        "Sentences of special tokens alone were skipped (projection.tokens=text)",
    ),
    ProjectionTokens.last: Choice(
        "over sentences of the last token that is not special",
        _last,
        "Sentences of special tokens alone were skipped (projection.tokens=last)",
    ),
}


class OnTokens(Edit):
    """What another edit does, to the chosen tokens alone."""

    def __init__(self, edit: Edit, choose: Choose) -> None:
        self._edit, self._choose = edit, choose
        self.acts_between = edit.acts_between
        self.before_leaving_uses_back = edit.before_leaving_uses_back

    def tokens(self, batch: TokenBatch) -> Bool[Tensor, "row token"]:
        chosen, own = self._choose(batch), self._edit.tokens(batch)
        return chosen if own is None else chosen & own

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self._edit.enter(layer, hidden)

    def between(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self._edit.between(layer, hidden)

    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self._edit.leave(layer, hidden)

    def at_strength(self, strength: float, back: float) -> Edit:
        return OnTokens(self._edit.at_strength(strength, back), self._choose)


def on_tokens(edit: Shifts | Edit, tokens: ProjectionTokens, model: LayeredModel) -> Edit:
    """``edit`` as it is where all tokens are meant."""
    edit = as_edit(edit)
    return edit if tokens is ProjectionTokens.all else OnTokens(edit, CHOICES[tokens].of(model))
