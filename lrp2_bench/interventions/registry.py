"""The interventions by name, and their names in folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lrp2_bench.core.registry import Registry
from lrp2_bench.core.settings import LRP2, ProjectionSettings, ProjectionTokens
from lrp2_bench.interventions.strengths import PATTERN

if TYPE_CHECKING:  # the command line knows the names without NumPy
    from lrp2_bench.interventions.base import Intervention

INTERVENTIONS: Registry[type[Intervention]] = Registry(
    "projection",
    "lrp2_bench.interventions",
    "lrp2_bench.interventions.base:Intervention",
    {
        LRP2: "lrp2_bench.interventions.lrp2:Lrp2",
        "lirp_only": "lrp2_bench.interventions.one_side:LirpOnly",
        "lsrp_only": "lrp2_bench.interventions.one_side:LsrpOnly",
        "every_layer": "lrp2_bench.interventions.every_layer:EveryLayer",
        "recover": "lrp2_bench.interventions.recover:Recover",
        "subspace": "lrp2_bench.interventions.subspace:Subspace",
        "subspace_removal": "lrp2_bench.interventions.subspace:SubspaceRemoval",
        "affine": "lrp2_bench.interventions.affine:Affine",
        "sparse": "lrp2_bench.interventions.sparse:Sparse",
        "random": "lrp2_bench.interventions.random:Random",
        "shuffled": "lrp2_bench.interventions.shuffled:Shuffled",
        "other_pivot": "lrp2_bench.interventions.other_pivot:OtherPivot",
    },
)

#: The end of a label: the tokens that are moved, where they are not all, and the strengths, where they are not 1.
_TOKENS = "|".join(each.value for each in ProjectionTokens if each is not ProjectionTokens.all)
_MOVED = f"(_({_TOKENS}))?(_s{PATTERN})?(_b{PATTERN})?"


def intervention(settings: ProjectionSettings) -> Intervention:
    """The one that ``settings.kind`` names. Raises :class:`~lrp2_bench.core.errors.UnknownNameError`."""
    return INTERVENTIONS.get(settings.kind)(settings)


def name_in(label: str) -> str | None:
    """The registered name in an intervention's ``label``, which may have a seed or a language behind it."""
    names = [name for name in INTERVENTIONS.names() if label == name or label.startswith(f"{name}_")]
    return max(names, key=len, default=None)


def is_label(text: str) -> bool:
    """Whether ``text`` is the label of an intervention other than LRP2 of all tokens at strength 1."""
    name = name_in(text)
    if name is None or text == LRP2:
        return False
    settings = "" if name == LRP2 else r"(_seed\d+|_[a-z]{2,3})?(_of\d+)?(_rank\d+|_dims[\d.]+|_norm)?"
    return re.fullmatch(f"{settings}{_MOVED}", text[len(name) :]) is not None


def tokens_and_strengths_in(label: str) -> str:
    """The end of an intervention's ``label`` that says which tokens are moved and how far: ``_text_s0.5`` of
    ``random_seed1_text_s0.5``; '' of all tokens at strength 1."""
    found = re.search(f"{_MOVED}$", label)
    return found[0] if found else ""


def without_strengths(label: str) -> str:
    """The ``label`` of an intervention as it would be at strength 1: ``lrp2`` of ``lrp2_s0.5_b0.25``."""
    return re.sub(f"(_s{PATTERN})?(_b{PATTERN})?$", "", label)
