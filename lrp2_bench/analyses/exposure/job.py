"""What a search of a testbed model adds: languages it never saw, accuracy by exposure, and transfer."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lrp2_bench.analyses.exposure.compute import STATUSES, FactStatuses, fact_statuses
from lrp2_bench.analyses.exposure.transfer import Crossed, ModelRun, Unusable, transfer_from
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.data.language_table import language_name
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.results.tables import DECIMALS
from lrp2_bench.testbed.exposure import ELSEWHERE, NOWHERE, PIVOT, SEEN
from lrp2_bench.testbed.pretrained import Pretrained

log = logging.getLogger(__name__)


def note_unread(model: Pretrained | None, languages: tuple[str, ...], data_warnings: DataWarnings) -> None:
    """Count each of ``languages`` that the model's pretraining text lacks. Such a search is allowed: it is a test."""
    for code in languages if model else ():
        if model and code not in model.exposure.shares:
            known = ", ".join(sorted(model.exposure.shares))
            name = f"{language_name(code)} ({code})"
            data_warnings.add(f"The checkpoint was not pretrained on {name}; its languages are {known}", code)


def pretrained_details(model: Pretrained | None) -> dict[str, Any]:
    """For the run's ``manifest.json``: the entry ``testbed``, or nothing."""
    return {"testbed": model.as_dict()} if model else {}


def exposure_measures(folder: Path, model: Pretrained | None, best: LayerPair | None) -> dict[str, Any]:
    """Measures of the finished run in ``folder`` for the tracker, nested, each also logged; none without a testbed
    model, or with facts of another dataset than the embedded one.

    ``exposure`` has accuracies in percent without LRP2 and at the best pair by where a fact was seen in pretraining,
    and ``transfer`` the model's minus its no-transfer control's over held-out countries, where the control ran in this
    experiment.
    """
    if model is None:
        return {}
    manifest = RunFolder(folder).find_manifest()
    language = str(manifest.get("language"))
    hits = RunFolder(folder).hits()
    statuses = fact_statuses(hits.facts, model.exposure, language)
    if statuses is None:
        return {}
    measures: dict[str, Any] = {"exposure": _by_status(hits, statuses, model, best)}
    # The pivot saw the held-out countries, so nothing transfers into it; a control is what others are compared with.
    if language != model.exposure.pivot and not model.exposure.twin:
        transfer = _transfer(folder, model, ModelRun(manifest, hits, statuses, best))
        measures |= {"transfer": transfer} if transfer else {}
    return measures


def _by_status(hits: StoredHits, statuses: FactStatuses, model: Pretrained, best: LayerPair | None) -> dict[str, Any]:
    rows = {"baseline": hits.row(None), "best": hits.row(best) if best else None}
    split: dict[str, Any] = {}
    for status in STATUSES:
        mask = statuses.by[status]
        accuracies = {
            name: round(float(metrics.accuracy(row[None, mask])[0]), DECIMALS)
            for name, row in rows.items()
            if row is not None and mask.any()
        }
        split[status] = {"facts": int(mask.sum()), **accuracies}
    pivot = language_name(model.exposure.pivot)
    who = {
        SEEN: "seen in the language",
        PIVOT: f"in {pivot} alone",
        ELSEWHERE: "in other languages only",
        NOWHERE: "not seen",
    }
    shown = [
        f"{who[status]} {_arrow(found.get('baseline'), found.get('best'))} ({count:,} fact{'s' if count != 1 else ''})"
        for status, found in split.items()
        if (count := found["facts"])
    ]
    log.info("Accuracy by exposure%s: %s.", ", baseline -> best pair (in-sample)" if best else "", "; ".join(shown))
    return split


def _arrow(baseline: float | None, best: float | None) -> str:
    return " -> ".join(f"{value:.1f}" for value in (baseline, best) if value is not None)


def _transfer(folder: Path, model: Pretrained, ours: ModelRun) -> dict[str, Any] | None:
    """The summary's entry; None, with a line on why, where there is nothing to compare with."""
    found, problems = transfer_from(ours, _twins(folder, model))
    for problem in problems:
        if problem.damage:
            log.warning("The no-transfer control's hits cannot be used: %s", problem.damage)
    if found is None:
        _say_why_none(model, ours, problems)
        return None
    twin_folder, transfer = found
    crossed = {"baseline": transfer.baseline, **({"best": transfer.best} if transfer.best else {})}
    log.info(
        "Knowledge transfer (%s held-out facts, minus control '%s'): %s.",
        f"{transfer.facts:,}", twin_folder.parts[-3], "; ".join(_shown(*item) for item in crossed.items()),
    )  # fmt: skip
    return {
        "facts": transfer.facts,
        **{name: round(one.transfer.value, DECIMALS) for name, one in crossed.items()},
        "low": {name: round(one.transfer.low, DECIMALS) for name, one in crossed.items()},
        "high": {name: round(one.transfer.high, DECIMALS) for name, one in crossed.items()},
        **{
            part: {name: round(getattr(one, attribute).value, DECIMALS) for name, one in crossed.items()}
            for part, attribute in (("placebo", "same"), ("beyond", "beyond"))
            if not math.isnan(transfer.baseline.same.value)
        },
        "twin": {name: round(one.twin, DECIMALS) for name, one in crossed.items()},
    }


def _say_why_none(model: Pretrained, ours: ModelRun, problems: Sequence[Unusable]) -> None:
    differing = problems[-1].differing if problems else ()
    if differing:
        log.info(
            "The run of the no-transfer control '%s' in this experiment differs in %s: search both with the same "
            "configuration for knowledge transfer.",
            model.twin_name, ", ".join(differing),
        )  # fmt: skip
    elif ours.statuses.held_out.any():
        log.info(
            "For knowledge transfer, first search the no-transfer control '%s' on the same dataset and language in "
            "this experiment.",
            model.twin_name,
        )


def _shown(name: str, crossed: Crossed) -> str:
    where = "baseline" if name == "baseline" else "best pair (in-sample)"
    values = f"{crossed.model:.1f} - {crossed.twin:.1f} = {_interval(crossed.transfer)}"
    if math.isnan(crossed.same.value):
        return f"{where} {values}"
    return (
        f"{where} {values}, on facts that both saw alike {_interval(crossed.same)}, beyond that "
        f"{_interval(crossed.beyond)}"
    )


def _interval(found: Interval) -> str:
    return f"{found.value:+.1f} [{found.low:.1f}, {found.high:.1f}]"


def _twins(folder: Path, model: Pretrained) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Finished runs of ``model``'s no-transfer control in the experiment of ``folder``, on its dataset and language."""
    *_, dataset, language = folder.parts
    for other in sorted(folder.parents[2].iterdir()):
        run = other / dataset / language
        files = RunFolder(run)
        manifest = files.find_manifest()
        entry = manifest.get("testbed")
        if not isinstance(entry, dict) or files.find_status().get("state") != "finished":
            continue
        try:
            if Pretrained.from_dict(entry).is_twin_of(model):
                yield run, manifest
        except BenchError:
            continue  # a broken manifest of another run is that run's concern
