"""Every notebook in ``examples/`` runs from its first cell to its last, and is kept without outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


def _run(source: str, names: dict[str, Any]) -> Any:
    """The value of the last expression, as a notebook shows it below the cell unless a semicolon ends it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) and not source.endswith(";") else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_promises(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))  # where the cache of vectors is
    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    shown = [_run("".join(cell["source"]), names) for cell in cells]
    figures = plt.get_fignums()
    plt.close("all")
    assert figures, "it draws something"
    for value in shown:
        assert value is None or (len(value) > 0 and "<table" in value._repr_html_()), "a notebook can show it"
    assert list(tmp_path.glob("outputs/*/*/*/*/*/pairs.csv")), "results lie where it says"


def test_notebooks_are_kept_without_outputs() -> None:
    assert EXAMPLES
    for path in EXAMPLES:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == [] and cell["execution_count"] is None, f"{path.name}, cell {cell['id']}"
