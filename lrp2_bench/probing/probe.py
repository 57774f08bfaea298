"""What the grid engine needs of a relation: batches of queries, and scores from final hidden states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.models.layered import LayeredModel, TokenBatch


@dataclass(frozen=True)
class QueryBatch:
    """Queries of some facts that run through the model together.

    ``positions`` are the tokens whose final states decide the scores. ``facts`` indexes the relation's facts;
    ``candidates[f]`` names the pool indices scored for fact ``facts[f]`` (-1: an empty slot).
    """

    tokens: TokenBatch
    positions: Int[Tensor, "row scored"]
    facts: Int[Tensor, " fact"]
    candidates: Int[Tensor, "fact candidate"]


class Probe(ABC):
    """One relation of one language, ready to be scored by one model.

    A fact may appear in several batches, with other candidates in each. A fact or candidate that cannot be asked
    appears in none: it is never the answer. ``where`` names language and relation in warnings.
    """

    model: LayeredModel
    where: str
    batches: Sequence[QueryBatch]

    @abstractmethod
    def scores(self, batch: QueryBatch, hidden: Float[Tensor, "row scored hidden"]) -> Float[Tensor, "fact candidate"]:
        """Log-probabilities, float32; minus infinity in empty slots. ``hidden`` is layer L's, at the positions."""
