"""What an intervention on hidden states must say; one file per method implements it.

An :class:`Intervention` is chosen on the command line and knows its settings; :meth:`Intervention.edit` makes from
language vectors what is done to states, an :class:`Edit`. A report asks for labels and equivalent pairs only, so that
nothing here, nor in the modules of the interventions, imports PyTorch before an edit is made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.seeds import require_seed
from lrp2_bench.core.settings import ProjectionSettings, ProjectionTokens
from lrp2_bench.core.types import Hits, LayerPair, Setting, all_pairs
from lrp2_bench.interventions.strengths import fixed_strengths, number

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from lrp2_bench.models.layered import TokenBatch

#: Settings of ``projection.`` that mean something to a few interventions and nothing to the others; of ours, to these.
SINGLE_SETTINGS = {
    "rank": ("subspace", "subspace_removal"),
    "dimensions": ("sparse",),
    "keep_norm": ("recover",),
}


class Edit(ABC):
    """What an intervention does to hidden states: a function of states and layer, token by token.

    States are ``[*any, hidden]`` on the model's device; the result has their shape and element type. What depends on
    the layer depends on nothing else, so that all pairs with one LIRP layer share the run behind it.
    """

    #: Whether :meth:`between` changes states.
    acts_between: bool = False
    #: Whether :meth:`enter` or :meth:`between` depends on the strength of the way back: if not, pairs that differ in it
    #: alone share the run up to their LSRP layer.
    before_leaving_uses_back: bool = False

    def tokens(self, batch: TokenBatch) -> Bool[Tensor, "row token"] | None:
        """Those whose states it changes; None: all. Whoever applies it leaves the others as they are."""
        return None

    @abstractmethod
    def enter(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        """States after block ``layer``, the pair's LIRP layer."""

    def between(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        """States after block ``layer``, behind the LIRP layer and before the LSRP layer."""
        return hidden

    @abstractmethod
    def leave(self, layer: int, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        """States after block ``layer``, the pair's LSRP layer."""

    def at_strength(self, strength: float, back: float) -> Edit:
        """The same edit, ``strength`` times as strong from the LIRP layer on and ``back`` times on the way back; the
        edit itself, bit by bit, at 1 and 1.

        Strengths are counted from the edit that :meth:`Intervention.edit` made, not from each other. Raises
        :class:`BenchError` for an edit that knows no strength.
        """
        if strength == back == 1.0:
            return self
        raise BenchError(
            f"{type(self).__name__} knows no strength but 1, so that projection.strength={strength:g} cannot be used "
            "with it.\nLeave strengths out, or write its at_strength."
        )

    def for_pair(self, pair: LayerPair | None) -> Edit:
        """The edit at the strengths that ``pair`` names; itself where it names none."""
        if pair is None or pair.strength is None or pair.back is None:
            return self
        return self.at_strength(pair.strength, pair.back)


@dataclass(frozen=True)
class Needs:
    """What an intervention takes from the corpus beside the vectors of the language and the pivot; a job collects
    this and nothing else.

    ``among`` are languages whose vectors are compared, the two included. ``sentences``: the pivot's sentence means go
    to :meth:`Intervention.fit`; ``parallel``: those of sentences of the language and of their translations.
    """

    among: tuple[str, ...] = ()
    sentences: bool = False
    parallel: bool = False

    @property
    def fits(self) -> bool:
        return self.sentences or self.parallel


@dataclass(frozen=True)
class FittingData:
    """What an edit is made of: ``vectors`` ``[1 + blocks, hidden]`` by language code, float32 on the model's device,
    those of ``language``, ``pivot``, where there is one of the third language ``other``, and of the languages
    ``among``; and what :meth:`Intervention.fit` has ``fitted``, by name, on that device too."""

    language: str
    pivot: str
    other: str | None
    vectors: Mapping[str, Float[Tensor, "layer hidden"]]
    among: tuple[str, ...] = ()
    fitted: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def third(self) -> str:
        """The third language. Raises ValueError where there is none."""
        if self.other is None:
            raise ValueError("No third language was asked for.")
        return self.other

    def shifts(self, source: str, target: str) -> Float[Tensor, "layer hidden"]:
        """From the space of ``source`` into that of ``target``, layer by layer."""
        return self.vectors[target] - self.vectors[source]


def third_language(language: str, pivot: str) -> str:
    """One that is neither, as an example in messages."""
    return next(code for code in ("de", "fr", "zh") if code not in (language, pivot))


class Intervention(ABC):
    """One method with its settings. ``name`` is its option of ``projection=`` and part of the identity of runs."""

    name: ClassVar[str]
    #: How states are changed, to follow "states are shifted" in a report; ``{other}`` stands for the third language.
    how: ClassVar[str]
    #: Settings of ``projection.`` beside ``kind`` that it depends on. A language is refused where it has no meaning,
    #: and so are :data:`SINGLE_SETTINGS`; ``seed`` and ``among`` are not, since they have one for most projections.
    uses: ClassVar[frozenset[str]] = frozenset()
    #: A note of the report's comparison, where this one is in it; '' for none.
    note: ClassVar[str] = ""
    #: Whether the way back has a strength of its own; one side alone has a single strength, ``projection.strength``.
    has_way_back: ClassVar[bool] = True

    def __init__(self, settings: ProjectionSettings) -> None:
        """Raises :class:`BenchError` for strengths and a seed that are none."""
        require_seed("projection.seed", settings.seed)
        self.settings = settings
        self.strengths = fixed_strengths(settings)
        if not self.has_way_back and settings.strength_back is not None:
            raise BenchError(
                f"projection.strength_back={settings.strength_back:g} has no effect on projection={self.name}, which "
                "has one side.\nGive projection.strength alone."
            )

    @property
    def label(self) -> str:
        """The name in folders and tables: ``lrp2``, ``random``, ``random_seed1``, ``other_pivot_de``, ``lrp2_text``,
        ``lrp2_s0.5``, ``lrp2_s0.5_b0.25``."""
        parts = [self.name]
        if self.settings.language is not None:
            parts.append(self.settings.language)
        elif "seed" in self.uses and self.settings.seed:
            parts.append(f"seed{self.settings.seed}")
        parts += self.marks
        if self.settings.tokens is not ProjectionTokens.all:
            parts.append(self.settings.tokens.value)
        strength, back = self.strengths
        if strength != 1.0:
            parts.append(f"s{number(strength)}")
        if back != strength:
            parts.append(f"b{number(back)}")
        return "_".join(parts)

    def require(self, language: str, pivot: str) -> None:
        """Raises :class:`BenchError` for settings that contradict each other or would change nothing."""
        if "language" not in self.uses and self.settings.language is not None:
            raise BenchError(
                f"projection.language={self.settings.language} has no effect on projection={self.name}.\n"
                "Leave it out, or choose projection=shuffled or projection=other_pivot."
            )
        for setting in self.unread(self.settings):
            readers = " or ".join(f"projection={name}" for name in SINGLE_SETTINGS[setting])
            value = str(getattr(self.settings, setting)).lower()
            raise BenchError(
                f"projection.{setting}={value} has no effect on projection={self.name}.\n"
                f"Leave it out, or choose {readers}."
            )

    @classmethod
    def unread(cls, settings: ProjectionSettings) -> list[str]:
        """Those of :data:`SINGLE_SETTINGS` that are not at their defaults and that it does not depend on."""
        default = ProjectionSettings()
        others = [name for name in SINGLE_SETTINGS if name not in cls.uses]
        return [name for name in others if getattr(settings, name) != getattr(default, name)]

    def other(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> str | None:
        """The third language whose vectors it needs, None for none. ``languages`` are the dataset's."""
        return self.settings.language

    def needs(self, language: str, pivot: str, languages: Callable[[], Sequence[str]]) -> Needs:
        """What it takes beside the vectors of the two and of :meth:`other`. ``languages`` are the dataset's.

        Raises :class:`BenchError` for settings that cannot be met.
        """
        return Needs()

    def fit(self, means: Mapping[str, Float[Tensor, "layer sentence hidden"]]) -> dict[str, Tensor]:
        """What is estimated on a corpus's sentences, and kept in the cache from run to run; nothing else may decide it.

        ``means`` are sentence means, float32, by language: the pivot's or, where :class:`Needs` asks for ``parallel``
        ones, the language's and then the pivot's, whose sentence k translates the language's.
        """
        raise NotImplementedError(f"{type(self).__name__} asks for sentences and has no fit().")

    @property
    def marks(self) -> list[str]:
        """What its label says of settings of its own that are not at their defaults: ``rank3``, ``dims0.1``."""
        return []

    def identity(self, other: str | None) -> str:
        """Its name in a run's identity, with all of its settings that decide hits: ``lrp2``, ``shuffled(zh)``."""
        return f"{self.name}({other})" if other is not None else self.name

    @abstractmethod
    def edit(self, data: FittingData) -> Edit:
        """What is done to states; a constant vector per layer is a
        :class:`~lrp2_bench.interventions.projection.ProjectionVectors`."""

    @classmethod
    def representative(cls, pair: LayerPair, blocks: int) -> LayerPair:
        """The pair that is evaluated for ``pair``: of those that give the same states, the cheapest."""
        return pair

    @classmethod
    def distinct_pairs(cls, blocks: int) -> tuple[LayerPair, ...]:
        """The pairs that are evaluated, in order."""
        return tuple(sorted({cls.representative(pair, blocks) for pair in all_pairs(blocks)}))

    @classmethod
    def stands_for(cls, pair: LayerPair, blocks: int) -> LayerPair:
        """The representative, at the pair's strengths."""
        return cls.representative(pair.layers, blocks).at(pair.strength, pair.strength_back)

    @classmethod
    def spread_over(cls, settings: Sequence[Setting], blocks: int) -> list[tuple[Setting, int]]:
        """Every setting of which one of ``settings`` has the states, in order, with the place of that one."""
        place = {setting: at for at, setting in enumerate(settings)}
        strengths = {(pair.strength, pair.strength_back) for pair in settings if pair is not None}
        pairs = (pair.at(*each) for pair in all_pairs(blocks) for each in strengths)
        found = {pair: place[stands] for pair in pairs if (stands := cls.stands_for(pair, blocks)) in place}
        return [(None, place[None]), *((pair, found[pair]) for pair in sorted(found))]

    @classmethod
    def spread(cls, hits: Hits, blocks: int) -> Hits:
        """``hits`` ``[setting, fact]`` of the baseline and every pair, each pair with its representative's row."""
        return hits[[row for _, row in cls.spread_over((None, *all_pairs(blocks)), blocks)]]
