"""A GPU would not wait for Python: what is launched for each fact, and how often the host waits, stay small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from lrp2_bench.bench.launches import GPU, PHASES, Launches, count_launches
from lrp2_bench.commands import launches as command
from lrp2_bench.commands.bench import filled
from lrp2_bench.commands.launches import run_launches
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import BenchCommand
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.cldr.dataset import CldrDataset

#: Capitals in models of three blocks: far from a GPU's 18 blocks and hundreds of facts, but quick.
_FACTS, _BLOCKS = 32, 3


@pytest.fixture(scope="module")
def capitals() -> ParallelFacts:
    return CldrDataset(relations=["P36"]).facts("de", "en", DataWarnings())


@pytest.mark.parametrize(("family", "launches", "waits"), [("masked", 2400, 21), ("causal", 750, 25)])
def test_a_batch_of_any_facts_takes_so_many_launches_and_looks_at_the_device(
    family: str, launches: int, waits: int, capitals: ParallelFacts
) -> None:
    relation = replace(capitals.relations[0], facts=capitals.relations[0].facts[:_FACTS])
    found = count_launches(family, relation, filled(capitals), 0, _BLOCKS)
    assert found.launched * _FACTS <= launches
    assert found.waited * _FACTS <= waits
    assert found.waits["frontier"] == found.waits["head"] == 0
    assert found.facts == _FACTS and set(found.launches) == set(PHASES)


def test_counts_are_printed_and_written(
    capitals: ParallelFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [Launches(family, "P36", 4, dict.fromkeys(PHASES, 2.0), dict.fromkeys(PHASES, 0.25)) for family in "ab"]
    asked = []
    monkeypatch.setattr(command, "count_launches", lambda family, *others: asked.append(family) or made[len(asked) - 1])
    data = CldrDataset(relations=["P36"])
    path = run_launches(BenchCommand(dataset=None, output=str(tmp_path)), lambda: data, Console(width=140))
    assert asked == ["masked", "causal"]
    assert [each["launches"] for each in json.loads(path.read_text())["counts"]] == [dict.fromkeys(PHASES, 2.0)] * 2
    printed = capsys.readouterr().out
    assert "8.0" in printed and "1.00" in printed and f"{GPU.step_tokens:,}" in printed
