"""Which testbed model a checkpoint is, and so which other one is its no-transfer control (``_twin``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.reading import read_object
from lrp2_bench.models.shipped import MANIFEST
from lrp2_bench.testbed.exposure import Exposure

#: What :meth:`PretrainSpec.as_twin` puts behind a model's name.
_TWIN = "_twin"

#: A kind of :class:`DataWarnings`.
UNREADABLE = f"The checkpoint's {MANIFEST} cannot be read, so what the model saw in pretraining is unknown"


@dataclass(frozen=True)
class Pretrained:
    """A model whose pretraining text is known. ``name`` is its spec's, whatever the folder is called."""

    name: str
    exposure: Exposure

    @property
    def twin_of(self) -> str | None:
        """The full model's name; None for a model that is no control."""
        return self.name.removesuffix(_TWIN) if self.exposure.twin else None

    @property
    def twin_name(self) -> str:
        """The name of this model's no-transfer control."""
        return self.name + _TWIN

    def is_twin_of(self, other: Pretrained) -> bool:
        """Whether this is ``other``'s no-transfer control: its name plus the ending, its text minus held-out facts."""
        return not other.exposure.twin and self.twin_of == other.name and self.exposure == other.exposure.as_twin()

    def as_dict(self) -> dict[str, Any]:
        """For a run's ``manifest.json``; :meth:`from_dict` reads it."""
        twin, exposure = self.exposure.twin, self.exposure.as_dict()
        return {"name": self.name, "twin": twin, "twin_of": self.twin_of, "exposure": exposure}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Pretrained:
        """Raises :class:`BenchError` where the entry is not what :meth:`as_dict` writes."""
        try:
            return cls(str(value["name"]), Exposure.from_dict(value["exposure"]))
        except (KeyError, TypeError) as error:
            raise BenchError(
                f"The run's manifest does not name its testbed model ({error!r}). Search again: it is regenerated."
            ) from error


def pretrained_of(folder: Path, data_warnings: DataWarnings) -> Pretrained | None:
    """The testbed model in a checkpoint's folder; None for any other model.

    Other tools leave a ``manifest.json`` too, so one without a spec and an exposure is passed over, and one that is no
    JSON is counted. Raises :class:`BenchError` where there is an exposure that cannot be.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError):
        data_warnings.add(UNREADABLE, str(path))
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("spec"), dict) or "exposure" not in manifest:
        return None
    return Pretrained(str(manifest["spec"].get("name")), exposure_of(folder))


def exposure_of(folder: Path) -> Exposure:
    """What the checkpoint's pretraining text covers, from its manifest (files are not checked)."""
    try:
        manifest = read_object(folder / MANIFEST)
        return Exposure.from_dict(manifest["exposure"])
    except (BenchError, KeyError, TypeError) as error:
        raise BenchError(
            f"'{folder}' has no exposure in a {MANIFEST} ({error!r}). Only testbed models have."
        ) from error
