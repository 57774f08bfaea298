"""The directions in which languages differ, taken out of states and put back (arXiv 2505.15257; LSAR, 2401.05792)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.among import among_label, languages_among
from lrp2_bench.interventions.base import Edit, FittingData, Intervention, Needs

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

#: The most directions taken where none are asked for.
_MOST = 16
#: A singular value below this share of the largest is rounding: languages do not differ in its direction.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Removal(Edit):
    """``h - strength P[i] h`` after block i, ``h + back P[j] mean[j]`` after block j: ``basis`` holds the
    orthonormal directions that P projects on, ``put_back`` is ``P mean`` (zero: nothing is put back)."""

    basis: Float[Tensor, "layer hidden rank"]
    put_back: Float[Tensor, "layer hidden"]
    strength: float = 1.0
    back: float = 1.0

    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        basis = self.basis[layer]
        states = hidden.to(basis.dtype)
        return (states - self.strength * (states @ basis) @ basis.T).to(hidden.dtype)

    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return hidden + (self.back * self.put_back[layer]).to(hidden.dtype)

    def at_strength(self, strength: float, back: float) -> Removal:
        return replace(self, strength=strength, back=back)


class Subspace(Intervention):
    """Out of the top ``projection.rank`` left singular vectors of the language means of a layer, centred over
    ``projection.among``; the language's own mean in them is put back after LSRP's block."""

    name = "subspace"
    how = "out of the directions in which languages differ, and the language's mean in them put back"
    note = (
        "subspace at strength 1 also takes out what all languages share along those directions; its authors work with "
        "a strength near 0.3 and less on the way back."
    )
    uses = frozenset({"among", "rank"})

    def require(self, language: str, pivot: str) -> None:
        super().require(language, pivot)
        if (rank := self.settings.rank) is not None and rank < 1:
            raise BenchError(
                f"projection.rank={rank} is no number of directions: give 1 or more, or null for one less than "
                f"projection.among has languages ({_MOST} at most)."
            )

    def needs(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> Needs:
        found = languages_among(self.settings.among, language, pivot, languages)
        if (rank := self.settings.rank) is not None and rank >= len(found):
            raise BenchError(
                f"projection.rank={rank} is more than the {len(found) - 1} directions that the means of "
                f"{len(found)} languages can differ in.\nGive less, or name more languages in projection.among."
            )
        return Needs(among=found)

    @property
    def marks(self) -> list[str]:
        rank = self.settings.rank
        return [*among_label(self.settings.among), *([f"rank{rank}"] if rank is not None else [])]

    def identity(self, other: str | None) -> str:
        rank = self.settings.rank
        return f"{self.name}(rank={'languages-1, at most 16' if rank is None else rank})"

    def edit(self, data: FittingData) -> Edit:
        basis = language_basis(data, self.settings.rank)
        mean = data.vectors[data.language]
        return Removal(basis, (basis @ (basis.mT @ mean.unsqueeze(-1))).squeeze(-1))


class SubspaceRemoval(Subspace):
    """The removal alone: nothing is put back."""

    name = "subspace_removal"
    how = "out of the directions in which languages differ, and nothing put back; LSRP's block makes no difference"
    note = "One side alone has one intervention per layer: the best pair is the first with that layer."
    has_way_back = False

    def edit(self, data: FittingData) -> Edit:
        basis = language_basis(data, self.settings.rank)
        return Removal(basis, basis.new_zeros(basis.shape[:2]))

    @classmethod
    def representative(cls, pair: LayerPair, blocks: int) -> LayerPair:
        return LayerPair(pair.lirp, blocks)


def language_basis(data: FittingData, rank: int | None) -> Float[Tensor, "layer hidden rank"]:
    """The top left singular vectors of the languages' means, centred, layer by layer; the embeddings' too.

    None: one less than languages, at most 16. Directions that rounding alone gives are zero. Raises
    :class:`BenchError` where a block's states have fewer dimensions, or fewer directions, than ``rank``.
    """
    import torch

    means = torch.stack([data.vectors[code] for code in data.among], dim=-1).double()
    centred = means - means.mean(dim=-1, keepdim=True)
    directions, lengths, _ = torch.linalg.svd(centred.cpu(), full_matrices=False)
    asked = min(len(data.among) - 1, _MOST, directions.shape[-1]) if rank is None else rank
    there = lengths > _ROUNDING * lengths[:, :1].clamp(min=torch.finfo(torch.float64).tiny)
    fewest = int(there[1:].sum(dim=1).min())
    if rank is not None and rank > fewest:
        raise BenchError(
            f"projection.rank={rank}, but the {len(data.among)} languages' means differ in no more than {fewest} "
            "directions after some block.\nGive less, or name more languages in projection.among."
        )
    kept = directions * there.unsqueeze(1)
    basis: Tensor = kept[..., :asked].to(data.vectors[data.language])
    return basis
