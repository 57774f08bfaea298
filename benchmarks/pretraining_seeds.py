"""Further pretrainings of a testbed model and its no-transfer control, and what crosses in each: docs/testbed.md.

A seed draws everything that a pretraining draws: which countries are held out and which each language's text covers,
glosses, first weights, and the order of sentences. Checkpoints land in OUTPUT/checkpoints, runs in OUTPUT/runs;
finished ones are kept, so that a killed command goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.running import lrp2_bench, markdown, parser
from lrp2_bench.analyses.exposure.runs import pretrained_of_run, read_exposure_runs
from lrp2_bench.analyses.exposure.transfer import Crossed, Transfer, pooled
from lrp2_bench.report.headlines import interval
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.testbed.specs import TINY_LANGUAGES

MODELS = ("tiny_bloom", "tiny_mbert")
#: All that these models were trained on, but English.
LANGUAGES = tuple(code for code in TINY_LANGUAGES if code != "en")
_THREADS = "model.threads=1"


def checkpoints(model: str, seed: int, output: Path) -> Iterator[tuple[str, str]]:
    """Name and path of the seed's control and then its model, pretrained unless they are there. Seed 0 is shipped."""
    for suffix in ("_twin", ""):
        if not seed:
            yield f"{model}{suffix}", f"shipped:{model}{suffix}"
            continue
        name = f"{model}_seed{seed}{suffix}"
        folder = output / "checkpoints" / name
        if not (folder / "manifest.json").is_file():
            lrp2_bench(
                "pretrain", f"model={model}{suffix}", f"name={name}", f"seed={seed}", f"output={folder}", _THREADS
            )
        yield name, str(folder)


def search(name: str, path: str, output: Path, further: Sequence[str]) -> None:
    """The baseline on all facts, in every language."""
    lrp2_bench(
        "search", "-m", "model=hf", f"model.path={path}", f"model.name={name}", "dataset=cldr", "corpus=cldr",
        f"language={','.join(LANGUAGES)}", "search=baseline", "tracking=none", "experiment.name=seeds",
        f"paths.outputs={output / 'runs'}", _THREADS, *further,
    )  # fmt: skip


def crossed(name: str, runs: Sequence[Run]) -> Crossed:
    """What crosses in one pretraining, over the facts of all languages. Raises SystemExit where a run is missing."""
    exposed, _ = read_exposure_runs([run for run in runs if run.model == name and not run.is_pivot], "accuracy")
    twins = [run for run in runs if (twin := pretrained_of_run(run)) and exposed and twin.is_twin_of(exposed[0].model)]
    found = [each.transfer(twins) for each in exposed]
    usable = [each.baseline for each in found if isinstance(each, Transfer)]
    if len(usable) < len(LANGUAGES):
        raise SystemExit(
            f"{name}: {len(usable)} of {len(LANGUAGES)} languages have a run of the model and its control."
        )
    return pooled(usable)


def table(found: Mapping[int, Crossed]) -> str:
    """A row a seed, then their mean and standard deviation."""
    rows = [
        [
            str(seed) if seed else "0 (shipped)", f"{len(each.held_out.facts):,}", f"{each.model:.1f}",
            f"{each.twin:.1f}", *map(interval, (each.transfer, each.same, each.beyond)),
        ]
        for seed, each in found.items()
    ]  # fmt: skip
    values = np.array(
        [
            (each.model, each.twin, each.transfer.value, each.same.value, each.beyond.value)
            for each in found.values()
        ]
    )  # fmt: skip
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    rows.append(["mean", "", *(f"{value:.1f}" for value in mean[:2]), *(f"{value:+.1f}" for value in mean[2:])])
    rows.append(["standard deviation", "", *(f"{value:.1f}" for value in spread)])
    head = ["seed", "held-out facts", "model, %", "control, %", "difference", "placebo", "transfer"]
    return markdown(head, rows)


def main(arguments: list[str]) -> None:
    ours = parser(str(__doc__), "seeds")
    ours.add_argument("--model", choices=MODELS, default=MODELS[0])
    ours.add_argument("--seeds", default="0,1,2,3", help="whole numbers, separated by commas")
    ours.add_argument("further", nargs="*", help="settings of lrp2-bench search, such as dataset.limit=60")
    options = ours.parse_intermixed_args(arguments)
    names = {}
    for seed in map(int, options.seeds.split(",")):
        for name, path in checkpoints(options.model, seed, options.output):
            search(name, path, options.output, options.further)
        names[seed] = name
    runs = find_runs([options.output / "runs"])[0]
    print(table({seed: crossed(name, runs) for seed, name in names.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
