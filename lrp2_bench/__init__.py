from lrp2_bench.core.supported import require_python

require_python()
