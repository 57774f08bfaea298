"""A layer pair as a user writes it: ``[LIRP,LSRP]``, and behind it a strength, and that of the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.strengths import strength_of, way_back_of


def given_pair(entry: Any, refused: Callable[[str], BenchError]) -> LayerPair:
    """The pair that ``entry`` names: whole layers 1 <= LIRP < LSRP, then none, one or two strengths, which multiply
    the shifts there (above 0) and back (0: none). Whether a model has those layers is for the caller.

    Raises what ``refused`` makes of a reason, such as 'is no pair of layers'.
    """
    if not isinstance(entry, list | tuple):
        raise refused("is no pair, which is a list")
    if not 2 <= len(entry) <= 4:
        raise refused(f"has {len(entry)} numbers, not two to four")
    if any(isinstance(layer, bool) or not isinstance(layer, int) for layer in entry[:2]):
        raise refused("has a layer that is not a whole number")
    if not 1 <= entry[0] < entry[1]:
        raise refused("is no pair of layers")
    try:
        back = (way_back_of("strength", one) for one in entry[3:])
        return LayerPair(entry[0], entry[1]).at(*(strength_of("strength", one) for one in entry[2:3]), *back)
    except BenchError as error:
        raise refused(f"has a strength that is none: {str(error).splitlines()[0].rstrip('.')}") from error
