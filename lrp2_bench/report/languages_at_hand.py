"""Which languages a report's groups are of: those that the dataset holds, and whatever else was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrp2_bench.core.languages import ENGLISH, LANGUAGES
from lrp2_bench.results.runs import Run


def groups_at_hand(groups: Mapping[str, Sequence[str]], runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """``groups`` without the languages that the dataset lacks, and without the pivot; ``all`` has every language that
    it holds or that was run.

    Manifests name the dataset's languages. Where none does, which older runs have in common, it is taken to hold the
    benchmark's 53.
    """
    pivot = runs[0].pivot
    named = [set(codes) for run in runs if isinstance(codes := run.manifest["dataset"].get("languages"), list)]
    held = set[str]().union(*named) if named else set(LANGUAGES)
    held |= {run.language for run in runs}
    left_out = {pivot, ENGLISH}
    found = {name: tuple(code for code in codes if code in held - left_out) for name, codes in groups.items()}
    return found | {"all": tuple(sorted(held - left_out))}
