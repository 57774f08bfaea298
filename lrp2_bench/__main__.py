"""``python -m lrp2_bench`` is ``lrp2-bench``."""

from lrp2_bench.cli import main

raise SystemExit(main())
