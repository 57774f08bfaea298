"""Runs notebooks without Jupyter; ``python -m tests.support.notebooks`` writes what they show into examples/."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return notebook


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last expression, as a notebook shows it below the cell unless a
    semicolon ends it."""
    if source.startswith("!lrp2-bench "):
        command = [sys.executable, "-m", "lrp2_bench", *source.split()[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"})
        return done.stdout, None
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) and not source.endswith(";") else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None
    return printed.getvalue(), value


def execute(notebook: dict[str, Any]) -> None:
    """Run all cells in the working directory, and set their outputs."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    names: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(plt.rc_context())
        stack.callback(plt.close, "all")
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(cells, start=1):
            seen = set(plt.get_fignums())
            printed, value = run_cell("".join(cell["source"]), names)
            cell["execution_count"] = number
            cell["outputs"] = list(_outputs(printed, value, number))
            cell["outputs"] += [_image(plt.figure(each)) for each in plt.get_fignums() if each not in seen]


def _outputs(printed: str, value: Any, number: int) -> Any:
    if printed:
        yield {"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)}
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
        yield {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}


def _image(figure: Any) -> dict[str, Any]:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None}, bbox_inches="tight")
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode() + "\n"}
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def prepare(folder: Path) -> None:
    """A folder as examples/ is to a notebook that is opened there."""
    shutil.copytree(EXAMPLES[0].parent / "capitals", folder / "capitals")


def _write() -> None:
    wanted = sys.argv[1:]
    for path in EXAMPLES:
        if wanted and path.stem not in wanted:
            continue
        notebook = load(path)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            prepare(Path(folder))
            execute(notebook)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
