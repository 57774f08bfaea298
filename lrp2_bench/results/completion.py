"""``done.json``: a job's last word, by which the same command sees that nothing is left to do, without its model.

It names what the job was asked, the code that did it, and digests of all it wrote. Whoever finds all three unchanged,
and model, facts and sentences with the digests they had, would compute and write the same again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_file, sha256_json, write_json
from lrp2_bench.core.reading import find_object
from lrp2_bench.core.settings import ModelSettings, SearchCommand
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.interventions.base import Needs
from lrp2_bench.interventions.cached_fit import fit_sentences
from lrp2_bench.interventions.vectors import load_vectors, vectors_path
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.probing.asked import as_asked
from lrp2_bench.results.layout import CHUNKS, COMPLETION, MANIFEST, STUDY, TABLES
from lrp2_bench.results.manifest import environment, read_manifest
from lrp2_bench.results.status import state_of

log = logging.getLogger(__name__)

_RESULTS = (*TABLES, STUDY, MANIFEST)

#: Parts of a configuration that change nothing in a finished folder: where it lies, and who did how much of it.
_ELSEWHERE = ("paths", "shard", "reproduces", "languages")


def write_completion(folder: Path, config: Mapping[str, Any]) -> None:
    """Call it when everything is written and tracked. Where it cannot be written, that is a warning."""
    try:
        completion = {"asked": _asked(config), "code": _code(), "files": _digests(folder)}
        write_json(folder / COMPLETION, completion)
    except OSError as error:
        path = folder / COMPLETION
        log.warning("Cannot write '%s' (%s): the same command will look through it all again.", path, error)


def nothing_left(
    folder: Path,
    settings: SearchCommand,
    config: Mapping[str, Any],
    make_dataset: Callable[[], Dataset],
    make_corpus: Callable[[], Corpus],
    find: Callable[[ModelSettings], Checkpoint],
) -> bool:
    """Whether a job that was asked ``config`` finds all its work in ``folder``, done of the same inputs."""
    return _is_complete(folder, config) and _same_inputs(folder, settings, make_dataset, make_corpus, find)


def _is_complete(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether ``folder`` holds a finished job's word on this configuration and code, and every file as it was then."""
    completion = find_object(folder / COMPLETION)
    if not completion or config.get("plan") or state_of(folder) != "finished":
        return False
    if completion.get("asked") != json.loads(json.dumps(_asked(config))) or completion.get("code") != _code():
        return False
    try:
        return bool(completion.get("files") == _digests(folder))
    except OSError:  # one of them went while it was looked at: somebody is at work here
        return False


def _same_inputs(
    folder: Path,
    settings: SearchCommand,
    make_dataset: Callable[[], Dataset],
    make_corpus: Callable[[], Corpus],
    find: Callable[[ModelSettings], Checkpoint],
) -> bool:
    """Whether model, facts and sentences still have the digests that the manifest in ``folder`` names.

    False too where that is unknown, as without a network: the job itself then says what is wrong.
    """
    try:
        manifest = read_manifest(folder / MANIFEST) or {}
        identity = manifest["identity"]
        facts = make_dataset().facts(settings.language, settings.pivot, DataWarnings())
        facts = as_asked(facts, settings.probing)
        if facts.digest != identity["dataset"]["digest"]:
            return False
        checkpoint = find(settings.model).known_as(identity["model"]["digest"])
        if checkpoint.digest != identity["model"]["digest"]:
            return False
        if identity["vectors"]["language"] is None:
            return True  # baselines move nothing
        sides = {"language": settings.language, "pivot": settings.pivot}
        projection = manifest.get("projection") or {}
        other = projection.get("other")  # an ablation's third language
        sides |= {"other": other} if other else {}
        sides |= {f"among {code}": code for code in projection.get("among", ()) if code not in sides.values()}
        if fit := projection.get("fit"):
            needs = Needs(parallel=len(fit["languages"].split()) > 1, sentences=True)
            found = fit_sentences(needs, settings.language, settings.pivot, make_corpus(), DataWarnings())
            if fit["sentences_digest"] != sha256_json(list(found.values())):
                return False
        if settings.vectors.path is not None:
            paths = {side: vectors_path(Path(settings.vectors.path), code) for side, code in sides.items()}
            digests = checkpoint.digest, checkpoint.other_digest
            return all(
                load_vectors(path).of_model(*digests).origin == identity["vectors"][side]
                for side, path in paths.items()
            )
        corpus = make_corpus()
        return all(
            manifest["vectors"][code]["sentences_digest"] == sha256_json(list(corpus.sentences(code, DataWarnings())))
            for code in sides.values()
        )
    except (BenchError, OSError, KeyError, TypeError):
        return False


def _asked(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _ELSEWHERE}


def _code() -> dict[str, Any]:
    """What makes views of stored hits; another version may make others."""
    here = environment()
    return {"lrp2-bench": here["packages"]["lrp2-bench"], "git_commit": here["git_commit"]}


def _digests(folder: Path) -> dict[str, str]:
    """By path in ``folder``. Files that begin with a dot are being written by other jobs, or were by killed ones.

    Raises OSError where a file goes, or cannot be read, while they are looked at.
    """
    paths = [folder / name for name in _RESULTS if (folder / name).is_file()]
    stored = sorted((folder / CHUNKS).rglob("*"))
    paths += [path for path in stored if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): sha256_file(path) for path in paths}
