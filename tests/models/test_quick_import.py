"""What is put off while transformers is imported is there when it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys

_LOOK = """
import json, sys
from lrp2_bench.models.quick_import import import_model_classes
import_model_classes()
assert "transformers.loss.loss_for_object_detection" in sys.modules
put_off = [name for name in ("scipy.optimize", "scipy.sparse.linalg") if name in sys.modules]
from transformers.loss import loss_for_object_detection as loss
rows, columns = loss.linear_sum_assignment([[1, 9], [2, 1]])
import scipy.optimize
import_model_classes()
print(json.dumps([put_off, rows.tolist(), columns.tolist(), scipy.optimize.brentq(lambda x: x - 1, 0, 3),
                  scipy.optimize is sys.modules["scipy.optimize"]]))
"""


def test_scipys_optimisers_are_imported_when_the_loss_is_called_and_by_their_name_at_any_time() -> None:
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True, timeout=200)
    assert json.loads(done.stdout) == [[], [0, 1], [0, 1], 1.0, True]


def test_another_name_of_the_stand_in_is_the_real_one() -> None:
    import scipy.optimize

    from lrp2_bench.models.quick_import import _StandIn

    assert _StandIn("scipy.optimize").brentq is scipy.optimize.brentq
