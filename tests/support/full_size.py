"""A full-size sweep of synthetic hits (52 languages x 2 models, every pair), and how long a report on it takes.

``python -m tests.support.full_size FOLDER [FACTS]`` writes it below FOLDER, FACTS facts a language (default 3,000;
mLAMA has 14,800 on average), judges all languages and writes the whole report.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.console import Console

from lrp2_bench.jobs.report import run_report
from lrp2_bench.languages import GROUPS
from lrp2_bench.report.judged_runs import judge_runs
from lrp2_bench.report.runs import find_runs
from tests.support.synthetic_runs import write_synthetic_run

MODELS = {"mbert": (12, "masked"), "bloom_560m": (24, "causal")}


def main(root: Path, facts: int) -> None:
    start = time.perf_counter()
    for model, (blocks, family) in MODELS.items():
        for language in GROUPS["all"]:
            write_synthetic_run(root, language, model=model, blocks=blocks, family=family, facts=facts)
    print(f"written: {time.perf_counter() - start:.1f} s")
    runs, _ = find_runs([root])
    for model in MODELS:
        start = time.perf_counter()
        found = judge_runs([run for run in runs if run.model == model], "transferability")
        print(f"judged: {len(found.judged)} languages of {model}, {facts} facts: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    run_report([root], root / "report", "transferability", Console(quiet=True))
    print(f"the whole report: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3_000)
