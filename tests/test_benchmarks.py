"""The scripts of benchmarks/ read what the commands write, and its README names every one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from benchmarks import engine_scaling, engine_table, report_full_size, search_regret
from lrp2_bench.config.compose import conf_dir, register
from tests.support.paths import REPOSITORY

OTHER = {"name": "hooks", "ratio": 14.83, "differing": 0, "cells": 96}
CASE: dict[str, Any] = {
    "model": "mbert", "relation": "P30", "weights": "random", "facts": 16, "pool": 6, "hit_rate": 0.058, "q": 0.31,
    "r": 0.0, "rows_per_cell": 2.94, "seconds": 2.3, "cells_per_second": 2270.4, "floor_of_peak": 0.71, "ceiling": 9.21,
    "others": [OTHER],
}  # fmt: skip


def test_the_table_of_a_benchmark_has_the_columns_of_the_page(tmp_path: Path) -> None:
    half = {"ratio": 18.12, "agreement": 0.97}
    (tmp_path / "bench.json").write_text(json.dumps({"cases": [CASE, {**CASE, "bfloat16": half}]}), "utf-8")
    head, line, first, second = engine_table.table(tmp_path / "bench.json").splitlines()
    assert f"{head}\n{line}\n" in (REPOSITORY / "docs" / "engine.md").read_text("utf-8")
    cells = (
        "| mbert P30 | random | 16 | 6 | 5.8 % | 0.31 | 0.00 | 2.9 | 2.3 | 2,270 | 0.71 | 14.8x |  | 9.2x | 0 of 96 |"
    )
    assert first == f"{cells}  |  |" and second == f"{cells} 18.1x | 97 % |"


def test_scripts_run_the_commands_with_settings_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    for script in (engine_scaling, search_regret):
        monkeypatch.setattr(script, "lrp2_bench", lambda *arguments: asked.append(arguments))
    engine_scaling.main(["--output", str(tmp_path), "--keep", "language=fr"])
    search_regret.main(["--output", str(tmp_path), "--models", "tiny_bloom", "--languages", "de", "ga"])
    assert asked[0] == ("bench", "scaling=true", f"output={tmp_path}", "language=fr")
    assert [command[0] for command in asked] == ["bench", "search", "search", "regret", "regret"]
    register()
    with initialize_config_dir(str(conf_dir()), version_base=None):
        for name, *arguments in asked:
            compose(name, overrides=[argument for argument in arguments if "=" in argument])


def test_the_readme_names_every_script() -> None:
    folder = REPOSITORY / "benchmarks"
    scripts = {path.stem for path in folder.glob("*.py") if "__main__" in path.read_text("utf-8")}
    named = re.findall(r"^\| `(\w+)` \|", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    assert set(named) == scripts and report_full_size.__name__.split(".")[1] in scripts
