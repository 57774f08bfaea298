"""What LRP2 is compared with, to tell a gain from a perturbation: parts of it, and moves that mean something else.

================  ============================================================================================
projection        moves
================  ============================================================================================
``lrp2``          ``+d[i]`` after block i, ``-d[j]`` after block j; ``d[k] = v[pivot][k] - v[language][k]``
``lirp_only``     the first alone: into the pivot's space and never back
``lsrp_only``     the second alone: out of a space that was never entered
``random``        both, by shifts of the same lengths, and angles between layers, in random directions
``shuffled``      both, by another language's shifts: ``v[pivot] - v[other]``
``other_pivot``   both, into another language's space: ``v[other] - v[language]``
================  ============================================================================================

Knowledge is compared with the pivot's in all of them. One side alone does not depend on the other side's layer: of all
pairs with the same LIRP (or LSRP) layer one is evaluated and stands for all. What they add and subtract is in
:mod:`lrp2_bench.interventions.moves`, for that takes PyTorch, which a report does without.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.settings import ProjectionKind, ProjectionSettings
from lrp2_bench.core.types import Hits, LayerPair, all_pairs


def require_projection(settings: ProjectionSettings, language: str, pivot: str) -> None:
    """Raises :class:`BenchError` for settings that contradict each other or would move nothing."""
    kind, other = settings.kind, settings.language
    third = next(code for code in ("de", "fr", "zh") if code not in (language, pivot))
    if kind not in (ProjectionKind.shuffled, ProjectionKind.other_pivot):
        if other is not None:
            raise BenchError(
                f"projection.language={other} says nothing to projection={kind.name}.\n"
                "Leave it out, or choose projection=shuffled or projection=other_pivot."
            )
    elif kind is ProjectionKind.other_pivot and other is None:
        raise BenchError(f"projection=other_pivot needs projection.language, such as projection.language={third}.")
    elif other == language:
        moved = "nothing" if kind is ProjectionKind.other_pivot else "as projection=lrp2 does"
        raise BenchError(
            f"projection={kind.name} projection.language={other} language={language} would move {moved}.\n"
            f"Choose another projection.language, such as projection.language={third}."
        )
    elif other == pivot:
        moved = "as projection=lrp2 does" if kind is ProjectionKind.other_pivot else "nothing"
        raise BenchError(
            f"projection={kind.name} projection.language={other} would move {moved}, for '{pivot}' is the pivot.\n"
            f"Choose another projection.language, such as projection.language={third}."
        )


def label(settings: ProjectionSettings) -> str:
    """The projection's name in folders and tables: ``lrp2``, ``random``, ``random_seed1``, ``other_pivot_de``."""
    if settings.language is not None:
        return f"{settings.kind.name}_{settings.language}"
    seeded = settings.kind in (ProjectionKind.random, ProjectionKind.shuffled) and settings.seed
    return f"{settings.kind.name}_seed{settings.seed}" if seeded else settings.kind.name


def is_label(text: str) -> bool:
    """Whether ``text`` is an ablation's :func:`label`."""
    kinds = "|".join(kind.name for kind in ProjectionKind if kind is not ProjectionKind.lrp2)
    return re.fullmatch(rf"({kinds})(_seed\d+|_[a-z]{{2,3}})?", text) is not None


def experiment_folder(name: str, projection: str) -> str:
    """The EXPERIMENT of a run's folder: ablations lie one folder deeper, so that they never meet LRP2's own runs."""
    return name if projection == ProjectionKind.lrp2.name else f"{name}/{projection}"


def run_folder(root: Path, experiment: str, projection: str, model: str, dataset: str, language: str) -> Path:
    """``root/EXPERIMENT/MODEL/DATASET/LANGUAGE`` of a run, an ablation's with its ``projection`` (its label) between
    the first two. Runs that differ in a name never share a folder."""
    above = [experiment] if projection == ProjectionKind.lrp2.name else [experiment, projection]
    return root.joinpath(*(file_name(name) for name in (*above, model, dataset, language)))


def stand_in(language: str, among: Iterable[str], pivot: str, seed: int) -> str:
    """Whose shift ``shuffled`` moves ``language`` by: the next in a circle drawn with ``seed``.

    So each language's shift is used once and never for itself. The pivot has none.
    """
    order = sorted(set(among) - {pivot}, key=lambda code: hashlib.sha256(f"{seed}\t{code}".encode()).digest())
    if language not in order:
        raise UnknownNameError(
            "language", language, sorted(order), "projection.among names the languages that are shuffled."
        )
    if len(order) < 2:
        raise BenchError("projection=shuffled needs two languages or more beside the pivot. Set projection.among.")
    return order[(order.index(language) + 1) % len(order)]


def representative(kind: ProjectionKind, pair: LayerPair, blocks: int) -> LayerPair:
    """The pair that is evaluated for ``pair``: of those that make the same moves, the cheapest."""
    if kind is ProjectionKind.lirp_only:
        return LayerPair(pair.lirp, blocks)
    return LayerPair(1, pair.lsrp) if kind is ProjectionKind.lsrp_only else pair


def distinct_pairs(kind: ProjectionKind, blocks: int) -> tuple[LayerPair, ...]:
    """The pairs that are evaluated, in order: L - 1 of a side alone, all of them otherwise."""
    return tuple(sorted({representative(kind, pair, blocks) for pair in all_pairs(blocks)}))


def spread(kind: ProjectionKind, hits: Hits, blocks: int) -> Hits:
    """``hits`` ``[setting, fact]`` of the baseline and every pair, each pair with its representative's row."""
    row = {pair: number for number, pair in enumerate(all_pairs(blocks), start=1)}
    rows = [0, *(row[representative(kind, pair, blocks)] for pair in row)]
    return hits[rows]
