"""The six-block table of docs/search.md: both searches replayed on finished grids of the models that ship.

Grids are searched first, on all of CLDR's facts; finished ones are kept. Tables and figures land in OUTPUT/report.
"""

from __future__ import annotations

import sys

from benchmarks.running import lrp2_bench, parser
from lrp2_bench.testbed.specs import TINY_LANGUAGES

MODELS = ("tiny_mbert", "tiny_bloom")
#: All that these models were trained on, but English.
LANGUAGES = tuple(code for code in TINY_LANGUAGES if code != "en")


def main(arguments: list[str]) -> None:
    ours = parser(str(__doc__), "regret")
    ours.add_argument("--languages", nargs="+", default=LANGUAGES, metavar="CODE")
    ours.add_argument("--models", nargs="+", default=MODELS, metavar="NAME")
    ours.add_argument("--relations", nargs="+", metavar="ID", help="instead of all")
    options = ours.parse_args(arguments)
    some = [f"dataset.relations=[{','.join(options.relations)}]"] if options.relations else []
    for model in options.models:
        for language in options.languages:
            lrp2_bench(
                "search", f"model={model}", f"language={language}", "dataset=cldr", "corpus=cldr", "tracking=none",
                f"paths.outputs={options.output}", *some,
            )  # fmt: skip
    for metric in ("transferability", "accuracy"):
        lrp2_bench(
            "regret", str(options.output), f"select_by={metric}", "trials=[3,8,12]",
            f"output={options.output / 'report' / metric}",
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
