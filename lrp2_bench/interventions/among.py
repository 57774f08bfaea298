"""``projection.among``: the languages whose vectors some interventions compare with each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lrp2_bench.core.errors import BenchError

#: The language, the pivot, and one that is neither: between two alone there is nothing but their shift.
FEWEST = 3


def languages_among(
    among: Sequence[str] | None, language: str, pivot: str, languages: Callable[[], Sequence[str]]
) -> tuple[str, ...]:
    """Their codes, sorted; the pivot is always one. None: all of the dataset's, which ``languages`` gives.

    Raises :class:`BenchError` where ``language`` is not among those named, or none is left beside the two.
    """
    if among is not None and language not in among:
        raise BenchError(
            f"projection.among={_shown(among)} lacks '{language}', the language that is queried.\n"
            f"Add it: projection.among={_shown([*among, language])}; the pivot is always counted."
        )
    found = tuple(sorted({*(languages() if among is None else among), language, pivot}))
    if len(found) < FEWEST:
        others = [code for code in languages() if code not in found]
        such = f", such as {_shown([language, *others[:2]])}" if others else " (the corpus has to have them)"
        has = "The dataset" if among is None else "projection.among"
        raise BenchError(
            f"{has} has no language but '{language}' and '{pivot}', which leaves nothing to compare them with.\n"
            f"Name others in projection.among{such}, or choose another projection."
        )
    return found


def among_label(among: Sequence[str] | None) -> list[str]:
    """What a folder's name says of it: how many languages were named, where some were."""
    return [] if among is None else [f"of{len(set(among))}"]


def _shown(codes: Sequence[str]) -> str:
    return f"[{','.join(codes)}]"
