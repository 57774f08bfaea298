"""Every notebook in ``examples/`` runs from its first cell to its last, and is kept with what its cells show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import EXAMPLES, execute, load, prepare

#: Those that take more than some five seconds.
SLOW = ("compare_interventions", "own_facts", "paper_figure")
LARGEST = 150_000  # bytes of a notebook, with its figures


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.system if path.stem in SLOW else ()) for path in EXAMPLES],
    ids=lambda path: path.stem,
)
def test_a_notebook_runs_and_shows_what_it_promises(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # where the cache of vectors is
    prepare(tmp_path)
    notebook, kept = load(path), load(path)
    execute(notebook)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in shown if "image/png" in output.get("data", {})], "it draws something"
    tables = ["".join(output["data"].get("text/html", "")) for output in shown if "execute_result" in output.values()]
    assert tables and all("<table" in table for table in tables), "a notebook can show it"
    assert _kinds(notebook) == _kinds(kept), "run again with python -m tests.support.notebooks"
    assert list(tmp_path.glob(f"outputs/{path.stem}/*/*/*/*/pairs.csv")), "each has a folder of its own"
    again = load(path)
    execute(again)
    assert _tables(again) == _tables(notebook), "run a second time, it finds its searches finished"


def test_notebooks_are_kept_with_outputs_small_and_without_a_machines_paths() -> None:
    assert len(EXAMPLES) >= 4
    for path in EXAMPLES:
        cells = [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), path.name
        shown = [output for cell in cells for output in cell["outputs"]]
        assert shown and not [output for output in shown if output["output_type"] == "error"], path.name
        text = path.read_text("utf-8")
        assert len(text) < LARGEST and "/tmp/" not in text and "/home/" not in text, path.name


def _tables(notebook: dict[str, Any]) -> list[str]:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return ["".join(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})]


def _kinds(notebook: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Of every output its type and its forms."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [(output["output_type"], sorted(output.get("data", ()))) for output in outputs]
