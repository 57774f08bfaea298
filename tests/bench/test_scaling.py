"""The curves vary one thing at a time, and are drawn as they were measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.bench import scaling
from lrp2_bench.bench.models import RandomModel
from lrp2_bench.commands.scaling import run_scaling
from lrp2_bench.core.settings import BenchCommand
from lrp2_bench.data.mlama import MLama
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.report.figures.scaling import scaling_curves

_TINY = {
    "masked": RandomModel("masked", "bert", 3, 16, 2, 20_000, 0.2),
    "causal": RandomModel("causal", "bloom", 3, 16, 2, 20_000, 0.2),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "SIZES", _TINY)
    monkeypatch.setattr(scaling, "FACTS", {"masked": (1, 4), "causal": (1, 2)})
    monkeypatch.setattr(scaling, "STANDING", {"masked": (2, 3, 3, None), "causal": (2, 3, 3, 3)})
    monkeypatch.setattr(scaling, "PAIRS", (1, 3))
    monkeypatch.setattr(scaling, "BLOCKS", (2, 4))
    monkeypatch.setattr(scaling, "CANDIDATES", {"masked": (2, None), "causal": (2, 3)})


def test_each_curve_varies_one_thing_and_is_written_with_its_prediction(
    toy_mlama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = BenchCommand(dataset=None, device="cpu", output=str(tmp_path))
    path = run_scaling(settings, lambda: MLama(toy_mlama), Console(width=140))
    points = json.loads(path.read_text())["points"]
    assert len(points) == 2 * 4 * 2
    standing = {"facts": 2, "pairs": 3, "blocks": 3}
    for point in points:
        assert point["measured"] > 0 and point["predicted"] > 0 and point["tflop"] > 0
        others = {name: value for name, value in standing.items() if name != point["varied"]}
        if point["varied"] == "blocks":
            others["pairs"] = point["blocks"] * (point["blocks"] - 1) // 2
        assert {name: point[name] for name in others} == others
    for family in ("masked", "causal"):
        facts = [point["tflop"] for point in points if (point["family"], point["varied"]) == (family, "facts")]
        assert facts == sorted(facts)
    assert {"scaling.png", "scaling.pdf"} <= {file.name for file in tmp_path.iterdir()}
    assert "masked" in capsys.readouterr().out


def test_dots_are_measured_and_lines_predicted() -> None:
    one = scaling.Point("masked", "facts", 8, 66, 12, None, 2.0, 1.5, 0.1)
    points = [one, replace(one, facts=16, predicted=4.0, measured=5.0)]
    full = replace(one, varied="candidates", candidates=None)
    points += [replace(full, candidates=4), full]
    with house_style():
        axes = scaling_curves(points).axes
    predicted, measured = axes[0].get_lines()
    assert list(predicted.get_ydata()) == [2.0, 4.0] and list(measured.get_ydata()) == [1.5, 5.0]
    assert list(measured.get_xdata()) == [8, 16]
    assert axes[0].get_ylim() == axes[1].get_ylim(), "one scale a family"
    candidates = next(panel for panel in axes if panel.get_title() == "masked: candidates")
    assert list(candidates.get_lines()[1].get_xdata()) == [4, 8]
    assert [label.get_text() for label in candidates.get_xticklabels()] == ["4", "all"]
