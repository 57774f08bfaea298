"""Refuses to put runs into one table that were not made alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.results.runs import Run

# Keys of a run's identity that say something of its language and so differ between the runs of a sweep. The pivot's
# vectors should not, but two machines may round them differently, so where they come from is compared instead.
_OF_A_LANGUAGE = ("language", "digest", "vector")
# Keys of the configuration that reach the identity only through those digests.
_OF_FACTS = ("dataset.limit", "dataset.relations")
_OF_VECTORS = ("corpus._target_", "corpus.sentences", "vectors.path")
_DIGESTS = ("digest", "other_digest")
_FOLDERS_SHOWN = 5


def check_agreement(runs: Sequence[Run]) -> None:
    """Raise BenchError unless all ``runs`` of one model and dataset agree in everything that is not their language.

    Compared are the model's digest, revision and blocks, the pivot, the kind of the dataset's digest, every key of
    the identity that does not belong to a language, and the configuration's choice of facts and (where pairs were
    searched) of vectors. A language that occurs twice is refused as well. The error lists each value with its folders.
    """
    for other, run in _same_language(runs):
        raise BenchError(
            f"Two runs of language '{run.language}' with model '{run.model}' on '{run.dataset}':\n"
            f"  {other.folder}\n  {run.folder}\n"
            "Report on one experiment at a time, or delete the run that is not wanted."
        )
    values: dict[str, dict[str, list[Run]]] = {}
    model_of = _models(runs)
    for run in runs:
        for key, found in _shared_settings(run, model_of).items():
            values.setdefault(key, {}).setdefault(found, []).append(run)
    differing = {key: found for key, found in values.items() if len(found) > 1}
    if differing:
        lines = [line for key, found in differing.items() for line in _listing(key, found)]
        raise BenchError(
            f"The runs of model '{runs[0].model}' on '{runs[0].dataset}' were not made alike, so no table can hold "
            f"them all. They differ in {', '.join(differing)}:\n" + "\n".join(lines) + "\n"
            "Report on each experiment by itself, or search the odd ones again with the others' settings."
        )


def _same_language(runs: Sequence[Run]) -> Iterator[tuple[Run, Run]]:
    by_language: dict[str, Run] = {}
    for run in runs:
        if run.language in by_language:
            yield by_language[run.language], run
        by_language[run.language] = run


def _models(runs: Sequence[Run]) -> dict[Any, str]:
    """A model's digests by one rule and another -> one of them: the runs of one model may hold either."""
    models: list[set[str]] = []
    for run in runs:
        digests = {str(run.manifest["model"][key]) for key in _DIGESTS if run.manifest["model"].get(key)}
        same = [known for known in models if known & digests]
        models = [known for known in models if known not in same] + [digests.union(*same)]
    return {digest: min(known) for known in models for digest in known}


def _shared_settings(run: Run, model_of: Mapping[Any, str]) -> dict[str, str]:
    model = run.manifest["model"]
    settings = {
        "model.digest": model_of.get(model.get("digest")),
        "model.revision": model.get("revision"),
        "model.blocks": run.blocks,
        "pivot": run.pivot,
        "dataset digest kind": _digest_kind(run.manifest["dataset"].get("digest")),
    }
    for key, found in _flat(run.manifest.get("identity")):
        if key != "pivot" and not any(word in key for word in _OF_A_LANGUAGE):
            settings[f"identity.{key}"] = found
    # 'shuffled' moves every language by another's shift, and says so in its identity.
    settings["identity.projection"] = run.projection
    # A baseline needs no vectors, so its corpus is whatever the default was.
    compared = (*_OF_FACTS, *_OF_VECTORS) if run.pairs else _OF_FACTS
    settings |= {f"config.{key}": found for key, found in _flat(run.manifest.get("config")) if key in compared}
    return {key: json.dumps(found, sort_keys=True, ensure_ascii=False) for key, found in settings.items()}


def _digest_kind(digest: object) -> str:
    text = str(digest)
    # 'sha256:12ab...' names its kind; a bare digest is known by its length.
    return text.split(":")[0] if ":" in text else f"{len(text)} characters"


def _flat(value: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def _listing(key: str, found: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for value, runs in found.items():
        shown = ", ".join(str(run.folder) for run in runs[:_FOLDERS_SHOWN])
        more = f" and {len(runs) - _FOLDERS_SHOWN} more" if len(runs) > _FOLDERS_SHOWN else ""
        yield f"  {key} = {value}: {shown}{more}"
