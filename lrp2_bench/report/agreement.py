"""Which runs may stand in one table: those of one experiment and configuration. The others get labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Templates
from lrp2_bench.report.run_strength import SEARCHED, own_strength, strength_of
from lrp2_bench.results.layout import place_of
from lrp2_bench.results.runs import Run

# Keys of a run's identity that say something of its language and so differ between the runs of a sweep. The pivot's
# vectors should not, but two machines may round them differently, so where they come from is compared instead.
_OF_A_LANGUAGE = ("language", "digest", "vector")
# Keys of the configuration that reach the identity only through those digests.
_OF_FACTS = ("dataset.limit", "dataset.relations")
_OF_VECTORS = ("corpus._target_", "corpus.sentences", "vectors.path")
# What a projection is: in its label, and the very thing that runs are compared by.
_OF_A_PROJECTION = ("projection", "tokens", "strength")
_STRENGTHS = "searched strengths"
# What projections may have of their own; the runs of one agree in it, or all are told apart by it.
_OWN = (_STRENGTHS, *(f"config.{key}" for key in _OF_VECTORS))
_DIGESTS = ("digest", "other_digest")
# Keys that an identity lacks where nothing was asked for.
_LEFT_OUT = {
    "identity.probing.filtered": False,
    "identity.probing.templates": Templates.first.value,
    "identity.model.quantization": None,
}
_KEYS_SHOWN = 2
_VALUE = 24  # characters

Key = TypeVar("Key", bound=Hashable)


def label_runs(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The runs, labelled by their experiment wherever one model and dataset was reported in several; and remarks on
    runs of one experiment that no table can hold together.

    Such runs are those that differ in what is neither their language nor their projection (the model's digest, revision
    and blocks, the pivot, the kind of the dataset's digest, any other key of the identity, the choice of facts), runs
    of one projection whose pairs were searched with different choices of vectors, or some at searched strengths and
    some not, and runs of one language in two output folders. Their labels say what differs, those of an ablation in the
    same words as LRP2's. A run of baselines has no vectors, so it stands with each group that it agrees with. Raises
    :class:`BenchError` where two folders of one experiment in one output folder say that they are of the same language
    and projection.
    """
    labelled: list[Run] = []
    remarks: list[str] = []
    for family in _grouped(runs, lambda run: (run.model_name, run.dataset)).values():
        split: list[Run] = []
        several = False
        for experiment, members in _grouped(family, lambda run: run.experiment).items():
            parts = list(_parts(members))
            split += [replace(run, label=label) for label, part in parts for run in part]
            if len(parts) > 1:
                several = True
                remarks.append(
                    f"The runs of model '{members[0].model_name}' on '{members[0].dataset}' in experiment "
                    f"'{experiment}' have different configurations and are labelled apart: "
                    f"{', '.join(label for label, _ in parts)}."
                )
        by_model = _grouped(split, lambda run: run.model).values()
        several = several or any(len({run.label for run in same}) > 1 for same in by_model)
        labelled += split if several else [replace(run, label="") for run in split]
    return labelled, remarks


def differing_settings(runs: Sequence[Run]) -> dict[str, dict[str, list[Run]]]:
    """The settings in which ``runs`` differ beyond their languages: each value, as JSON, with the runs that have it."""
    values: dict[str, dict[str, list[Run]]] = {}
    model_of = _models(runs)
    for run in runs:
        for key, found in _shared_settings(run, model_of).items():
            values.setdefault(key, {}).setdefault(found, []).append(run)
    return {key: found for key, found in values.items() if len(found) > 1}


def _parts(runs: Sequence[Run]) -> Iterator[tuple[str, list[Run]]]:
    """Runs of one experiment by those that may stand together, each part with its label."""
    homes = _grouped(runs, _home) if _is_twice(runs) else {Path(): list(runs)}
    names = _short(homes)
    for home, members in homes.items():
        if _is_twice(members):
            languages = _grouped(members, lambda run: (run.model, run.language))
            first, second, *_ = next(same for same in languages.values() if len(same) > 1)
            raise BenchError(
                f"Two runs of language '{first.language}' with model '{first.model}' on '{first.dataset}':\n"
                f"  {first.folder}\n  {second.folder}\n"
                "Their manifests say so. Delete the run that you do not need."
            )
        name = f"{members[0].experiment} ({names[home]})" if len(homes) > 1 else members[0].experiment
        yield from _alike(members, name)


def _alike(runs: Sequence[Run], name: str) -> Iterator[tuple[str, list[Run]]]:
    differing, model_of = _telling_apart(runs), _models(runs)
    parts: dict[tuple[str, ...], list[Run]] = {}
    partly: list[tuple[Run, list[str | None]]] = []
    for run in runs:
        settings = _shared_settings(run, model_of)
        found = [settings.get(key) for key in differing]
        if None in found:
            partly.append((run, found))
        else:
            parts.setdefault(tuple(str(value) for value in found), []).append(run)
    whole = {values: {run.model for run in part} for values, part in parts.items()}
    for run, found in partly:  # they stand with all that they agree with, of their own projection where it has any
        fitting = [
            values for values in parts if all(one in (None, other) for one, other in zip(found, values, strict=True))
        ]
        own = [values for values in fitting if run.model in whole.get(values, ())]
        for values in own or fitting or [tuple(value or "null" for value in found)]:
            parts.setdefault(values, []).append(run)
    for values, part in parts.items():
        said = [f"{_plain(key)}={_cut(value)}" for key, value in zip(differing, values, strict=True)]
        yield (f"{name} ({', '.join(said[:_KEYS_SHOWN])})" if len(parts) > 1 else name), part


def _telling_apart(runs: Sequence[Run]) -> list[str]:
    """The settings in which no two of ``runs`` may differ in one table, where some do."""
    own = {key for same in _grouped(runs, lambda run: run.model).values() for key in differing_settings(same)}
    return [key for key in differing_settings(runs) if key not in _OWN or key in own]


def _grouped(runs: Iterable[Run], by: Callable[[Run], Key]) -> dict[Key, list[Run]]:
    groups: dict[Key, list[Run]] = {}
    for run in runs:
        groups.setdefault(by(run), []).append(run)
    return groups


def _is_twice(runs: Sequence[Run]) -> bool:
    return len({(run.model, run.language) for run in runs}) < len(runs)


def _home(run: Run) -> Path:
    """The experiment's folder, whatever its name in the manifest."""
    place = place_of(run.folder, run.projection)
    return place.outputs / place.experiment


def _short(homes: Iterable[Path]) -> dict[Path, str]:
    """The last parts of each path, as many as distinguish them."""
    paths = list(homes)
    for count in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        short = {path: "/".join(path.parts[-count:]) for path in paths}
        if len(set(short.values())) == len(paths):
            return short
    return {path: str(path) for path in paths}


def _plain(key: str) -> str:
    return key.removeprefix("identity.").removeprefix("config.")


def _cut(value: str) -> str:
    text = value.strip('"')
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 3]}..."


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
    settings: dict[str, Any] = {
        **_LEFT_OUT,
        "model.digest": model_of.get(model.get("digest")),
        "model.revision": model.get("revision"),
        "model.blocks": run.blocks,
        "pivot": run.pivot,
        "dataset digest kind": _digest_kind(run.manifest["dataset"].get("digest")),
    }
    for key, found in _flat(run.manifest.get("identity")):
        if key not in ("pivot", *_OF_A_PROJECTION) and not any(word in key for word in _OF_A_LANGUAGE):
            settings[f"identity.{key}"] = found
    if run.pairs:
        searched = strength_of(run)
        settings[_STRENGTHS] = {own_strength(run): "none", SEARCHED: "several"}.get(searched, searched)
    # A baseline needs no vectors, so its corpus is whatever the default was.
    compared = (*_OF_FACTS, *_OF_VECTORS) if run.pairs else _OF_FACTS
    for key, found in _flat(run.manifest.get("config")):
        if key in compared:
            # Modules have moved between versions; their classes kept their names.
            settings[f"config.{key}"] = str(found).rpartition(".")[2] if key.endswith("_target_") else found
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
