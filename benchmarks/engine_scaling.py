"""The curves of docs/engine.md: ``lrp2-bench bench scaling=true``, its picture copied to docs/images/.

Arguments after ``--`` are the command's own.
"""

from __future__ import annotations

import shutil
import sys

from benchmarks.running import REPOSITORY, lrp2_bench, parser


def main(arguments: list[str]) -> None:
    ours = parser(str(__doc__), "scaling")
    ours.add_argument("settings", nargs="*", help="settings of lrp2-bench bench")
    ours.add_argument("--keep", action="store_true", help="leave the picture in docs/ as it is")
    options = ours.parse_args(arguments)
    lrp2_bench("bench", "scaling=true", f"output={options.output}", *options.settings)
    if not options.keep:
        shutil.copy(options.output / "scaling.png", REPOSITORY / "docs" / "images" / "scaling.png")


if __name__ == "__main__":
    main(sys.argv[1:])
