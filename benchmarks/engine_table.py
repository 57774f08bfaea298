"""The table of docs/engine.md: ``lrp2-bench bench``, and what it measured as Markdown.

Arguments after ``--`` are the command's own, such as ``dataset=mlama dataset.path=../mlama1.1.zip``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.running import lrp2_bench, markdown, parser

HEAD = (
    "case", "weights", "facts", "pool", "hits", "q", "r", "rows", "seconds", "cells/s", "floor/peak", "hooks",
    "nnsight", "ceiling", "differ", "bfloat16", "agree",
)  # fmt: skip


def main(arguments: list[str]) -> None:
    ours = parser(str(__doc__), "bench")
    ours.add_argument("settings", nargs="*", help="settings of lrp2-bench bench")
    options = ours.parse_args(arguments)
    lrp2_bench("bench", f"output={options.output}", *options.settings)
    print(table(options.output / "bench.json"))


def table(path: Path) -> str:
    """Of a ``bench.json``."""
    return markdown(HEAD, [_row(case) for case in json.loads(path.read_text("utf-8"))["cases"]])


def _row(case: dict[str, Any]) -> list[str]:
    others = {other["name"]: other for other in case["others"]}
    hooks, half = others["hooks"], case.get("bfloat16")
    return [
        f"{case['model']} {case['relation']}", case["weights"], str(case["facts"]), str(case["pool"]),
        f"{100 * case['hit_rate']:.1f} %", f"{case['q']:.2f}", f"{case['r']:.2f}",
        f"{case['rows_per_cell']:.1f}" if "rows_per_cell" in case else "", f"{case['seconds']:.1f}",
        f"{case['cells_per_second']:,.0f}", f"{case['floor_of_peak']:.2f}",
        *(f"{others[name]['ratio']:.1f}x" if name in others else "" for name in ("hooks", "nnsight")),
        f"{case['ceiling']:.1f}x", f"{hooks['differing']} of {hooks['cells']}",
        f"{half['ratio']:.1f}x" if half else "", f"{100 * half['agreement']:.0f} %" if half else "",
    ]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
