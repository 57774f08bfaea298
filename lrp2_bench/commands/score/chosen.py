"""Which settings are scored: what ``score.settings`` says, or the best pair of the folder's finished search."""

from __future__ import annotations

from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ScoreCommand
from lrp2_bench.core.types import LayerPair
from lrp2_bench.interventions.strengths import Strengths, strength_of, way_back_of
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.status import state_of

_FORM = (
    "[[LIRP,LSRP],[LIRP,LSRP,STRENGTH],[LIRP,LSRP,STRENGTH,STRENGTH_BACK],...], [] for the baseline alone, or null for "
    "the best pair"
)


def chosen_pairs(settings: ScoreCommand, folder: Path, usual: Strengths) -> list[LayerPair]:
    """In order, each once. ``usual`` are what the run multiplies its moves by; pairs may name strengths where those
    are 1, and a pair at the usual ones names none.

    Raises :class:`BenchError` for what is no list of pairs, for strengths that a run cannot have, and where the best
    pair is wanted and ``folder`` holds no finished search with pairs.
    """
    given = settings.score.settings
    if given is None:
        return _best(settings, folder)
    if not isinstance(given, list):
        raise BenchError(f"score.settings={given!r} is no list of layer pairs. Give {_FORM}.")
    return sorted({_pair(one, usual) for one in given})


def require_blocks(pairs: list[LayerPair], blocks: int) -> None:
    """Raises :class:`BenchError` for a pair that the model does not have."""
    for pair in pairs:
        if pair.lsrp > blocks:
            raise BenchError(
                f"score.settings has the pair {pair}, but the model has {blocks} blocks: give 1 <= LIRP < LSRP <= "
                f"{blocks}."
            )


def _pair(given: object, usual: Strengths) -> LayerPair:
    if not isinstance(given, list) or not 2 <= len(given) <= 4 or not all(_is_number(part) for part in given):
        raise BenchError(f"score.settings has {given!r}, which is no layer pair. Give {_FORM}.")
    lirp, lsrp, *strengths = given
    if not _is_whole(lirp) or not _is_whole(lsrp) or not 1 <= lirp < lsrp:
        raise BenchError(f"score.settings has {given!r}: a layer pair needs whole numbers 1 <= LIRP < LSRP.")
    there, back = usual
    if strengths:
        there = back = strength_of("score.settings", strengths[0], "[[14,16,0.5]]")
    if strengths[1:]:
        back = way_back_of("score.settings", strengths[1], "[[14,16,0.5,0.25]]")
    if (there, back) != usual and usual != (1.0, 1.0):
        raise BenchError(
            f"score.settings has {given!r}, but the whole run is at {usual[0]:g} there and {usual[1]:g} back: "
            "leave strengths out, or score the run that has them."
        )
    return plain(LayerPair(int(lirp), int(lsrp)).at(there, back), usual)


def plain(pair: LayerPair, usual: Strengths) -> LayerPair:
    """A pair at the usual strengths names none."""
    return pair.layers if (pair.strength, pair.back) == usual else pair


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: float) -> bool:
    """No infinity is; an int may be larger than any float."""
    return isinstance(value, int) or value.is_integer()


def _best(settings: ScoreCommand, folder: Path) -> list[LayerPair]:
    if settings.language == settings.pivot:
        return []
    if state_of(folder) != "finished":
        raise BenchError(
            f"There is no finished search in '{folder}', so there is no best pair to score.\nRun `lrp2-bench search` "
            "with the same settings first, or give score.settings a list of pairs, [[LIRP,LSRP]] ([] for the "
            "baseline alone)."
        )
    (run,), _ = find_runs([folder])
    best = run.best(settings.select_by)
    if best is None or best.pair is None:
        raise BenchError(
            f"The search in '{folder}' has no pair with a value of {settings.select_by}.\n"
            "Give score.settings a list of pairs, [[LIRP,LSRP]], or [] for the baseline alone."
        )
    return [plain(best.pair, run.own_strengths)]
