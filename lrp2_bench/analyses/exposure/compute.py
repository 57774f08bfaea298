"""Splits facts by where a testbed model saw them: in the language, the pivot alone, another language, nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lrp2_bench.results.stored_hits import FactKey
from lrp2_bench.stats.fact_clusters import embedded_facts
from lrp2_bench.testbed.exposure import ELSEWHERE, NOWHERE, PIVOT, SEEN, Exposure, Status

STATUSES: Final[tuple[Status, ...]] = (SEEN, PIVOT, ELSEWHERE, NOWHERE)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FactStatuses:
    """Where each fact was seen in pretraining: ``by`` has a ``[fact]`` mask for each of :data:`STATUSES`,
    every fact in one of them.

    ``held_out`` ``[fact]`` are the facts about held-out countries, which a full model saw in the pivot alone
    and a no-transfer control nowhere; those seen only :data:`ELSEWHERE`, in other languages, both saw alike.
    """

    by: Mapping[Status, Mask]
    held_out: Mask


def fact_statuses(facts: Sequence[FactKey], exposure: Exposure, language: str) -> FactStatuses | None:
    """Split ``facts``, as probed in ``language``; None unless all are the embedded dataset's (``dataset=cldr``)."""
    known = embedded_facts()
    entries = [known.get(fact) for fact in facts]
    found = [entry for entry in entries if entry is not None]
    if not found or len(found) < len(entries):
        return None
    # A status belongs to a country, and there are a tenth as many of them as facts.
    by_country = {entry.country: entry for entry in found}
    status = {country: exposure.status(entry, language) for country, entry in by_country.items()}
    statuses = np.array([status[entry.country] for entry in found])
    held_out = np.array([entry.country in exposure.held_out_countries for entry in found])
    return FactStatuses({each: statuses == each for each in STATUSES}, held_out)
