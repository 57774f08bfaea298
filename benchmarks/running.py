"""Runs of the command line, each in a process of its own as a user's are, and what scripts share of their options."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def lrp2_bench(*arguments: str) -> None:
    """Ends the script with the command's exit code where that is not 0."""
    code = subprocess.run([sys.executable, "-m", "lrp2_bench", *arguments], cwd=REPOSITORY, check=False).returncode
    if code:
        raise SystemExit(code)


def parser(description: str, output: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--output", type=Path, default=REPOSITORY / "outputs" / output, help="folder for what is measured"
    )
    return made


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as the pages have them."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
