"""Which pairs, at which strengths, a search is asked to look at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import SearchCommand, SearchKind, SearchSettings
from lrp2_bench.core.types import LayerPair, Setting, all_pairs
from lrp2_bench.interventions.base import Intervention
from lrp2_bench.interventions.given_pair import given_pair
from lrp2_bench.interventions.strengths import strength_of, way_back_of
from lrp2_bench.search.space import Ranges

log = logging.getLogger(__name__)

_FORM = "[LIRP,LSRP], [LIRP,LSRP,STRENGTH] or [LIRP,LSRP,STRENGTH,STRENGTH_BACK]"


@dataclass(frozen=True)
class Asked:
    """``strengths`` (there, back; None for the same) are searched, none where the run's own are meant; ``ranges`` are
    those that a sampler takes strengths from; ``given`` are the pairs of ``search=pairs``."""

    strengths: tuple[tuple[float, float | None], ...] = ()
    ranges: Ranges | None = None
    given: tuple[LayerPair, ...] | None = None

    @property
    def has_strengths(self) -> bool:
        """Whether pairs name their strengths."""
        return bool(self.strengths or self.ranges) or any(pair.strength is not None for pair in self.given or ())

    def beside(self, stored: Collection[LayerPair]) -> Asked:
        """The same where a folder has ``stored`` pairs that name their strengths: those without are of strength 1."""
        if not stored or self.has_strengths:
            return self
        given = self.given if self.given is None else tuple(map(named, self.given))
        return replace(self, strengths=((1.0, None),), given=given)

    def pairs(self, intervention: Intervention, blocks: int) -> tuple[LayerPair, ...]:
        """The pairs that differ, in order; where strengths come from a range, those at the run's own.

        Raises :class:`BenchError` for a given one that a model of so many ``blocks`` does not have.
        """
        for pair in self.given or ():
            if pair.lsrp > blocks:
                raise BenchError(
                    f"search.pairs: {_listed(pair)} is out of range: the model has {blocks} blocks, so "
                    f"1 <= LIRP < LSRP <= {blocks}."
                )
        if self.given is not None:
            return tuple(sorted({intervention.stands_for(pair, blocks) for pair in self.given}))
        layers = intervention.distinct_pairs(blocks)
        return tuple(sorted(pair.at(*each) for pair in layers for each in self.strengths)) if self.strengths else layers

    def everything(self, pairs: Iterable[LayerPair], stored: Iterable[LayerPair], blocks: int) -> list[Setting]:
        """Every setting that may have hits, in order: all pairs, ``pairs``, and those ``stored`` with strengths."""
        if not self.has_strengths:
            return [None, *all_pairs(blocks)]
        return [None, *sorted({*stored, *map(named, (*pairs, *all_pairs(blocks)))})]


def named(pair: LayerPair) -> LayerPair:
    """The pair with its strengths, 1 where it has none."""
    return pair.at(1.0) if pair.strength is None else pair


def what_is_asked(settings: SearchCommand, intervention: Intervention) -> Asked:
    """Raises :class:`BenchError` for what cannot be searched, naming it."""
    search, kind = settings.search, settings.search.kind
    _require_read(search)
    asked = Asked(
        _strengths(search) if kind is not SearchKind.baseline else (),
        _ranges(search),
        _given(search.pairs) if kind is SearchKind.pairs else None,
    )
    there, back = intervention.strengths
    if asked.has_strengths and (there, back) != (1.0, 1.0):
        name, value = ("projection.strength", there) if there != 1.0 else ("projection.strength_back", back)
        raise BenchError(
            f"{name}={value:g} is the strength of a whole run, and this search chooses strengths itself.\n"
            "Leave projection.strength and projection.strength_back out."
        )
    backs = search.strengths_back or search.strength_back_range
    if (backs or any(pair.strength_back is not None for pair in asked.given or ())) and not intervention.has_way_back:
        raise BenchError(
            f"projection={intervention.name} has one side, so that a strength of the way back has no effect.\n"
            "Leave search.strengths_back, search.strength_back_range and fourth numbers of search.pairs out."
        )
    return asked


def _require_read(search: SearchSettings) -> None:
    """Raises :class:`BenchError` for a setting that this kind of search does not read."""
    kind = search.kind
    reads: dict[str, tuple[SearchKind, ...]] = {
        "pairs": (SearchKind.pairs,),
        "strengths": (SearchKind.grid, SearchKind.racing, SearchKind.tpe, SearchKind.baseline),
        "strengths_back": (SearchKind.grid, SearchKind.racing, SearchKind.tpe, SearchKind.baseline),
        "strength_range": (SearchKind.tpe,),
        "strength_back_range": (SearchKind.tpe,),
    }
    for name, kinds in reads.items():
        if getattr(search, name) is not None and kind not in kinds:
            known = ", ".join(f"search={each.value}" for each in kinds if each is not SearchKind.baseline)
            raise BenchError(f"search.{name} has no effect on search={kind.value}.\nIt is for {known}; leave it out.")
    for back, there in (("strengths_back", "strengths"), ("strength_back_range", "strength_range")):
        if getattr(search, back) is not None and getattr(search, there) is None:
            raise BenchError(f"search.{back} needs search.{there}, the strengths of the way there.")
    if search.strengths is not None and search.strength_range is not None:
        raise BenchError("search.strengths and search.strength_range contradict each other. Give one of them.")


def _strengths(search: SearchSettings) -> tuple[tuple[float, float | None], ...]:
    there = _listed_strengths("search.strengths", search.strengths)
    back = _listed_strengths("search.strengths_back", search.strengths_back, back=True)
    return tuple((strength, each) for strength in there for each in back or (None,))


def _listed_strengths(name: str, listed: Sequence[float] | None, *, back: bool = False) -> tuple[float, ...]:
    """Each once, ascending; without the baseline's, which is evaluated in any case. Of the way ``back``, 0 is one."""
    if listed is None:
        return ()
    if 0 in listed and not back:
        log.info("%s: 0 is the baseline, which every search evaluates once; it was left out.", name)
    read = way_back_of if back else strength_of
    found = sorted({read(name, strength, "[0.5,1.0]") for strength in listed if back or strength != 0})
    if not found:
        raise BenchError(f"{name}={list(listed)} has no strength. Give some, such as {name}=[0.5,1.0].")
    return tuple(found)


def _ranges(search: SearchSettings) -> Ranges | None:
    if search.strength_range is None:
        return None
    back = search.strength_back_range
    return Ranges(
        _range("search.strength_range", search.strength_range),
        None if back is None else _range("search.strength_back_range", back, way_back_of),
    )


def _range(name: str, given: Sequence[float], read: Callable[..., float] = strength_of) -> tuple[float, float]:
    if len(given) != 2:
        raise BenchError(f"{name}={list(given)} is no range. Give two numbers, such as {name}=[0.1,2.0].")
    low, high = (read(name, strength, "[0.1,2.0]") for strength in given)
    if low >= high:
        raise BenchError(f"{name}={list(given)} has its least not below its most. Give {name}=[LEAST,MOST].")
    return low, high


def _given(pairs: Any) -> tuple[LayerPair, ...]:
    if not isinstance(pairs, list | tuple) or not pairs:
        raise BenchError(
            f"search=pairs needs search.pairs, a list of {_FORM}, such as [[14,16]]"
            + (f", not {pairs!r}." if pairs is not None else ".")
            + "\nFor the baseline alone: search=baseline."
        )
    found = [_pair(entry) for entry in pairs]
    if any(pair.strength is not None for pair in found):
        found = [named(pair) for pair in found]
    return tuple(sorted(set(found)))


def _pair(entry: Any) -> LayerPair:
    """Raises :class:`BenchError`, naming ``entry``."""

    def refused(why: str) -> BenchError:
        return BenchError(
            f"search.pairs: {entry!r} {why}.\nGive {_FORM}, with 1 <= LIRP < LSRP and strengths above 0 "
            "(STRENGTH_BACK from 0 on)."
        )

    return given_pair(entry, refused)


def _listed(pair: LayerPair) -> list[float]:
    found = [pair.lirp, pair.lsrp, pair.strength, pair.strength_back]
    return [one for one in found if one is not None]
