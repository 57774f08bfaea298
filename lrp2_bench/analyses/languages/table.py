"""Tables of how a model's languages lie to each other, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrp2_bench.analyses.languages.compute import Floats, Map
from lrp2_bench.analyses.languages.partitions import Agreement, Kinship, Mantel
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.language_table import language_family, language_name, language_script
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.stats.paired_tests import holm

UNKNOWN = "unknown"


@dataclass(frozen=True)
class LayerNumbers:
    """One layer: ``raw`` is the mean cosine between languages before their mean is taken off; None where there is
    nothing to test."""

    layer: int
    raw: float
    families: Agreement | None
    scripts: Agreement | None
    family_kin: Kinship | None
    script_kin: Kinship | None
    optimal: Mantel | None


@dataclass(frozen=True)
class DrawnLayer:
    """One layer as it is drawn: ``linked`` is scipy's linkage matrix, ``cosines`` ``[language, language]`` after the
    mean is taken off."""

    layer: int
    map: Map
    linked: Floats
    cosines: Floats


def family(code: str) -> str:
    return language_family(code) or UNKNOWN


def script(code: str) -> str:
    return language_script(code) or UNKNOWN


def agreement_table(model: str, numbers: Sequence[LayerNumbers], notes: Sequence[str]) -> Table:
    """A row per layer; p-values are corrected for the number of layers."""
    columns = [
        Column("layer", "Layer", "count"),
        Column("cosine", "Raw cosine", "ratio", optional=True),
    ]
    cells: list[Sequence[Cell]] = [[one.layer for one in numbers], [one.raw for one in numbers]]
    for key, title, tests, kin in (
        ("family", "Family", [one.families for one in numbers], [one.family_kin for one in numbers]),
        ("script", "Script", [one.scripts for one in numbers], [one.script_kin for one in numbers]),
    ):
        columns += [
            Column(f"{key}_rand", f"{title} Rand", "ratio"),
            Column(f"{key}_p", "p", "p"),
            Column(f"{key}_purity", f"{title} purity", "percent", in_csv_only=True),
            Column(f"{key}_kin", f"{title} near, %", "percent"),
            Column(f"{key}_kin_p", "p", "p"),
            Column(f"{key}_kin_chance", f"{title} near by chance", "percent", in_csv_only=True),
        ]
        cells += [
            [test.rand if test else None for test in tests],
            corrected([test.p if test else None for test in tests]),
            [100 * test.purity if test else None for test in tests],
            [100 * one.share if one else None for one in kin],
            corrected([one.p if one else None for one in kin]),
            [100 * one.chance if one else None for one in kin],
        ]
    columns += [
        Column("optimal", "Best pair", "ratio"),
        Column("optimal_p", "p", "p"),
    ]
    cells += [
        [one.optimal.correlation if one.optimal else None for one in numbers],
        corrected([one.optimal.p if one.optimal else None for one in numbers]),
    ]
    return Table(
        f"languages_agreement_{model}",
        f"Clusters of language vectors against families, scripts and optimal layers, {model}",
        tuple(columns),
        tuple(zip(*cells, strict=True)),
        tuple(notes),
    )


def corrected(p: Sequence[float | None]) -> list[float | None]:
    """By Holm's method, over those that there are."""
    found = iter(holm([value for value in p if value is not None]))
    return [None if value is None else next(found) for value in p]


def languages_table(
    model: str,
    codes: Sequence[str],
    pivot: str,
    drawn: Sequence[DrawnLayer],
    raw: Mapping[str, Sequence[float]],
    optimal: Mapping[str, LayerPair],
    notes: Sequence[str],
) -> Table:
    """A row per language: what it is, its nearest language at each drawn layer, its optimal layers.

    ``raw`` is each language's cosine with the pivot by layer; places on the maps are for programs only.
    """
    columns = [
        Column("language", "Language", "text"),
        Column("name", "Name", "text", optional=True),
        Column("family", "Family", "text"),
        Column("script", "Script", "text"),
    ]
    cells: list[Sequence[Cell]] = [
        codes,
        [language_name(code) for code in codes],
        [family(code) for code in codes],
        [script(code) for code in codes],
    ]
    for one in drawn:
        columns.append(Column(f"nearest_{one.layer}", f"Nearest at layer {one.layer}", "text"))
        without_itself = one.cosines - 3 * np.eye(len(codes))
        cells.append([codes[int(near)] for near in without_itself.argmax(axis=1)])
    columns.append(Column("best", "Optimal layers", "pair"))
    cells.append([optimal.get(code) for code in codes])
    for one in drawn:
        for axis, name in enumerate("xy"):
            columns.append(Column(f"{name}_{one.layer}", f"{name}, layer {one.layer}", "percent", in_csv_only=True))
            cells.append(one.map.places[:, axis].tolist())
    for layer in range(len(raw[pivot])):
        columns.append(Column(f"cosine_{layer}", f"Cosine with {pivot}, layer {layer}", "ratio", in_csv_only=True))
        cells.append([raw[code][layer] for code in codes])
    return Table(
        f"languages_{model}",
        f"Languages by their vectors, {model}",
        tuple(columns),
        tuple(zip(*cells, strict=True)),
        tuple(notes),
    )
