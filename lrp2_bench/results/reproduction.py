"""The run that a rerun is held to: its ``manifest.json``, and what differs from it here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.reading import read_object
from lrp2_bench.results.hits import differing_keys
from lrp2_bench.results.layout import MANIFEST
from lrp2_bench.results.manifest import environment, table_digests

log = logging.getLogger(__name__)

#: What a rerun cannot do without, and its type.
_PARTS = {"config": dict, "identity": dict, "environment": dict}


@dataclass(frozen=True)
class Reproduction:
    """A manifest that was read, and where; ``files`` are the SHA-256 of that run's tables, by name."""

    path: Path
    manifest: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration, as a tree."""
        return dict(self.manifest["config"])

    def require(self, identity: Mapping[str, Any]) -> None:
        """Raises :class:`BenchError` naming the keys of another identity."""
        differing = differing_keys(self.manifest["identity"], identity)
        if differing:
            shown = "\n".join(f"  {key}: then {before}, now {now}" for key, (before, now) in differing.items())
            raise BenchError(
                f"This run cannot equal that of '{self.path}'. What differs:\n{shown}\n"
                "Set these back (settings after --from-manifest override it), or give the data and the model as they "
                "were then by dataset.path, corpus.path and model.path."
            )

    def warn(self) -> None:
        """Log what beside the identity is not as it was then."""
        for line in differences(self.manifest["environment"], environment()):
            log.warning("Not as in '%s': %s.", self.path, line)

    def compare(self, outcome: Mapping[str, Any], folder: Path) -> None:
        """Log which tables in ``folder`` have the bytes of that run."""
        if folder.resolve() == self.path.parent:
            log.warning(
                "'%s' is of this very folder: what is stored there was read, and nothing evaluated again. For a "
                "fresh run give paths.outputs=DIR.",
                self.path,
            )
            return
        then, now = self.files, outcome["files"]
        if not then:
            log.warning("'%s' has no digests of its run's tables, so they cannot be compared.", self.path)
        same = [name for name in then if now.get(name) == then[name]]
        if same:
            log.info("The same bytes as in the run of '%s': %s.", self.path, ", ".join(same))
        other = [name for name in then if name not in same]
        if other:
            log.warning(
                "Other bytes than in the run of '%s': %s. Best pair then %s, now %s. Other versions, machines and "
                "devices may round other than then; what differs is named above.",
                self.path, ", ".join(other), self.manifest.get("best"), outcome["best"],
            )  # fmt: skip


def read_reproduction(path: Path) -> Reproduction:
    """The manifest at ``path``, or in the run folder ``path``. Raises :class:`BenchError` where it is none."""
    path = path.expanduser()
    path = path / MANIFEST if path.is_dir() else path
    manifest = read_object(
        path, "`lrp2-bench search` writes it as outputs/EXPERIMENT/MODEL/DATASET/LANGUAGE/manifest.json."
    )
    missing = [part for part, kind in _PARTS.items() if not isinstance(manifest.get(part), kind)]
    if missing:
        raise BenchError(
            f"'{path}' is not a manifest of a search that this version can read: it has no {', '.join(missing)}.\n"
            "Give the manifest.json of a run folder, or the settings themselves."
        )
    files = manifest.get("files")
    # Manifests of the first version lack them; the tables themselves may still lie beside it.
    return Reproduction(path.resolve(), manifest, files if isinstance(files, dict) else table_digests(path.parent))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """In words: the entries of an environment that are not as they were."""
    versions = before.get("packages"), now.get("packages")
    then_packages, packages = (found if isinstance(found, dict) else {} for found in versions)
    names = {"git_commit": "the code's commit", "python": "Python", "platform": "the machine"}
    pairs = {text: (before.get(key), now.get(key)) for key, text in names.items()}
    pairs |= {name: (then_packages.get(name), packages.get(name)) for name in {**then_packages, **packages}}
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name} was {old or 'unknown'}, is {new or 'unknown'}"
