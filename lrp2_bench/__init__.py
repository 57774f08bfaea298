from lrp2_bench.supported import require_python

require_python()
