"""``scores.parquet`` and ``pivot_scores.parquet``: the score of every candidate of every fact, in a few settings.

Scores as they are computed are kept relation by relation in a folder beside them, so that a job that was stopped, or is
asked for further settings, computes nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.files import atomic_path, sha256_json
from lrp2_bench.core.reading import damaged, missing
from lrp2_bench.core.types import LayerPair, Relation, Setting

if TYPE_CHECKING:
    import pandas as pd

#: float32 ``[setting, fact, candidate]``; NaN where a candidate does not compete, minus infinity where it cannot win.
Scores = npt.NDArray[np.float32]

#: LIRP and LSRP layer, and the strengths of the way there and the way back; all None at the baseline.
Layers = tuple[int | None, int | None, float | None, float | None]
Strengths = tuple[float, float]

NEXT = "Run `lrp2-bench score` with the same model, dataset and language: finished relations are kept."

_SCHEMA = pa.schema(
    [
        ("relation", pa.dictionary(pa.int32(), pa.string())),
        ("uuid", pa.dictionary(pa.int32(), pa.string())),
        ("lirp", pa.int16()),
        ("lsrp", pa.int16()),
        ("strength", pa.float64()),
        ("candidate", pa.dictionary(pa.int32(), pa.string())),
        ("score", pa.float32()),
        ("strength_back", pa.float64()),
    ]
)
_IDENTITY, _SETTINGS = b"lrp2_bench.identity", b"lrp2_bench.settings"


def layers_of(setting: Setting, usual: Strengths) -> Layers:
    """What a table says of a setting: strengths are its own, else the run's ``usual`` ones; the baseline has none."""
    if setting is None:
        return None, None, None, None
    there, back = usual if setting.strength is None else (setting.strength, setting.back)
    return setting.lirp, setting.lsrp, there, back


def setting_of(layers: Layers, usual: Strengths = (1.0, 1.0)) -> Setting:
    """The setting that a row of a table is of; a pair at the ``usual`` strengths names none."""
    lirp, lsrp, there, back = layers
    if lirp is None or lsrp is None:
        return None
    pair = LayerPair(lirp, lsrp)
    return pair if (there, back) == usual else pair.at(there, back)


def write_scores(
    path: Path,
    parts: Iterable[tuple[Relation, Scores]],
    settings: Sequence[Setting],
    usual: Strengths,
    identity: Mapping[str, Any],
) -> None:
    """``relation,uuid,lirp,lsrp,strength,candidate,score,strength_back``: a row for every fact, setting and candidate
    that competes.

    ``usual`` are the run's strengths; layers and strengths are empty at the baseline. ``identity`` is what decides
    scores.
    """
    layers = [layers_of(each, usual) for each in settings if each is not None]
    metadata = {_IDENTITY: json.dumps(identity, sort_keys=True).encode(), _SETTINGS: json.dumps(layers).encode()}
    schema = _SCHEMA.with_metadata(metadata)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for relation, scores in parts:
            for row, setting in enumerate(settings):
                if relation.facts:
                    writer.write_table(_table(relation, setting, scores[row], usual, schema))


def stored_identity(path: Path, usual: Strengths) -> tuple[dict[str, Any], list[LayerPair]]:
    """What decided the scores in a file and the pairs that they are of; nothing where there is none to be read."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        identity = json.loads(metadata[_IDENTITY])
        pairs = [setting_of(tuple(layers), usual) for layers in json.loads(metadata[_SETTINGS])]
        return dict(identity), [pair for pair in pairs if pair is not None]
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException):
        return {}, []


def read_scores(path: Path) -> pd.DataFrame:
    """All of a file; texts are categories. Raises :class:`BenchError` where it is missing or damaged."""
    try:
        found = pq.read_table(path, columns=_SCHEMA.names).to_pandas()
    except FileNotFoundError:
        raise missing(path, NEXT) from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise damaged(path, error, NEXT) from error
    typed: pd.DataFrame = found.astype({"lirp": "Int16", "lsrp": "Int16"})
    return typed


def storable(text: str) -> str:
    """Half a surrogate pair, which JSON can name and UTF-8 cannot, becomes ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class ScoreParts:
    """Arrays by name, each written whole or not at all; those of another ``key`` are never found."""

    folder: Path
    key: str

    def load(self, name: Sequence[object], shape: tuple[int, ...]) -> Scores | None:
        """None where there is none of that shape that can be read."""
        try:
            found: Scores = np.load(self._path(name), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return found if found.shape == shape and found.dtype == np.float32 else None

    def save(self, name: Sequence[object], values: Scores) -> None:
        with atomic_path(self._path(name)) as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)

    def _path(self, name: Sequence[object]) -> Path:
        return self.folder / f"{sha256_json([self.key, *map(str, name)])[:24]}.npy"


def _table(
    relation: Relation, setting: Setting, scores: npt.NDArray[np.float32], usual: Strengths, schema: pa.Schema
) -> pa.Table:
    fact, candidate = (~np.isnan(scores)).nonzero()
    count = len(fact)
    lirp, lsrp, there, back = layers_of(setting, usual)

    def texts(codes: npt.NDArray[np.int64], names: Sequence[str]) -> pa.Array:
        known = pa.array([storable(name) for name in names], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), known)

    columns = [
        texts(np.zeros(count, np.int64), [relation.name]),
        texts(fact, [each.uuid for each in relation.facts]),
        pa.array([lirp] * count, pa.int16()),
        pa.array([lsrp] * count, pa.int16()),
        pa.array([there] * count, pa.float64()),
        texts(candidate, relation.pool),
        pa.array(scores[fact, candidate], pa.float32()),
        pa.array([back] * count, pa.float64()),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
