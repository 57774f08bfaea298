"""A full-size sweep of synthetic hits (52 languages x 2 models, every pair), and what a report on it costs.

``python -m benchmarks.report_full_size FOLDER [FACTS]`` writes it below FOLDER unless it is there, FACTS facts a
language (default 3,000; mLAMA has 14,800 on average), assesses all languages and writes the whole report.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from lrp2_bench.commands.report import run_report
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.report.assessed_runs import assess_runs
from lrp2_bench.results.runs import find_runs
from tests.support.synthetic_runs import write_synthetic_run

MODELS = {"mbert": (12, "masked"), "bloom_560m": (24, "causal")}
#: As many as mLAMA has.
RELATIONS = tuple(f"P{number}" for number in range(100, 141))


def main(root: Path, facts: int) -> None:
    if not root.exists():
        with timed("written"):
            for model, (blocks, family) in MODELS.items():
                for language in GROUPS["all"]:
                    write_synthetic_run(
                        root, language, model=model, blocks=blocks, family=family, facts=facts, relations=RELATIONS
                    )
    runs, _ = find_runs([root])
    for model in MODELS:
        members = [run for run in runs if run.model == model]
        with timed(f"assessed: {len(members)} languages of {model}, {members[0].baseline.facts:,} facts"):
            assess_runs(members, "transferability")
    with timed("the whole report"):
        run_report([root], root / "report", "transferability", Console(quiet=True))
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Processor time is what a busy machine leaves comparable."""
    start, used = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.perf_counter() - start:.1f} s, {time.process_time() - used:.1f} s of processor", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("facts", type=int, nargs="?", default=3_000)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.facts)
