"""Does a slice of the study repeat? ``python -m benchmarks.gemma3_270m.verify`` (``make results``) runs 50 facts of a
language at the baseline and twelve settings of the grid anew, in minutes, and compares each hit with what is stored."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.gemma3_270m.choices import Choices, Given
from benchmarks.gemma3_270m.runs import Job, add_inputs, pairs, run
from benchmarks.gemma3_270m.store import DATA, KEY, collect, read_stored

FACTS, EVERY = 50, 26
_CELL = [*KEY[2:], "relation", "uuid"]


def settings_of(hits: pd.DataFrame) -> list[Given]:
    """Every 26th setting of a grid of 306, so that early and late, near and far pairs and both strengths are there."""
    columns = ["lirp", "lsrp", "strength"]
    found = hits[hits["lirp"].notna()][columns].drop_duplicates().sort_values(["strength", "lirp", "lsrp"])
    return [(int(lirp), int(lsrp), float(strength)) for lirp, lsrp, strength in found.to_numpy(float)[::EVERY]]


def compare(stored: pd.DataFrame, again: pd.DataFrame) -> tuple[int, int]:
    """Cells of ``again`` and how many differ from the stored ones. Raises ValueError for one that is not there."""
    sides = [
        frame.astype({"relation": str, "uuid": str}).fillna(-1.0).set_index(_CELL)["hit"] for frame in (stored, again)
    ]
    if not set(sides[1].index) <= set(sides[0].index):
        raise ValueError("the run has cells that are not stored")
    there = sides[0].loc[sides[1].index]
    return len(there), int((there.to_numpy() != sides[1].to_numpy()).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs a slice of the study again and compares its hits.")
    parser.add_argument("--language", help="one whose hits are stored (the first of them)")
    add_inputs(parser)
    arguments = parser.parse_args()
    stored, outputs = read_stored("grid"), Path(arguments.outputs)
    known = sorted(set(stored["language"].astype(str)))
    language = arguments.language or known[0]
    if language not in known:
        raise SystemExit(f"No hits of '{language}' are stored: choose one of {', '.join(known)}.")
    stored = stored[(stored["language"] == language) & (stored["intervention"] != "pivot")]
    outputs.mkdir(parents=True, exist_ok=True)
    facts = outputs / "slice.csv"
    pd.read_csv(DATA / "selection.csv").head(FACTS).to_csv(facts, index=False)
    tokens = f"projection.tokens={Choices().tokens}"
    settings = (*pairs(settings_of(stored)), tokens, "damage=false")
    run(arguments, Job("slice", language, "selection", settings), facts)
    collect(outputs, outputs / "data", ["slice"])
    again = read_stored("slice", outputs / "data")
    again = again[(again["language"] == language) & (again["intervention"] != "pivot")]
    cells, differing = compare(stored, again)
    print(f"{cells - differing} of {cells} cells are as stored ({language}, {again['uuid'].nunique()} facts).")
    raise SystemExit(1 if differing or not cells else 0)


if __name__ == "__main__":
    main()
