"""transformers' model classes without what only the loss of object detection calls, a tenth of a search's start."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_LATER = "scipy.optimize"


def import_model_classes() -> None:
    """Import them with a stand-in for ``scipy.optimize``, which gives way to it afterwards; safe to call repeatedly.

    What transformers has taken from the stand-in by then (``linear_sum_assignment``) imports SciPy when it is called.
    """
    if "transformers.modeling_utils" in sys.modules or _LATER in sys.modules:
        return
    stand_in = _StandIn(_LATER)
    sys.modules[_LATER] = stand_in
    try:
        importlib.import_module("transformers.modeling_utils")
    finally:
        if sys.modules.get(_LATER) is stand_in:
            del sys.modules[_LATER]


class _StandIn(ModuleType):
    """Gives its one function as a promise, and all else by importing the real module at once."""

    @staticmethod
    def linear_sum_assignment(*arguments: Any, **settings: Any) -> Any:
        return importlib.import_module(_LATER).linear_sum_assignment(*arguments, **settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(_LATER) is self:
            del sys.modules[_LATER]
        return getattr(importlib.import_module(_LATER), name)
