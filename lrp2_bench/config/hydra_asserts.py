"""Hydra's parser of settings under ``python -O`` and PYTHONOPTIMIZE, which leave ``assert`` statements out."""

from __future__ import annotations

import inspect
from typing import Any

from hydra.core.override_parser import overrides_visitor


def keep_asserts() -> None:
    """Give the parser its asserts back where Python has left them out; safe to call more than once.

    In Hydra 1.3 two of them step over a token (``assert ...(next(children), ...)``): without them dictionaries and
    functions such as ``range(2)`` or ``choice(a,b)`` cannot be read. Its methods are compiled from the same source,
    with the asserts; nothing else is changed.
    """
    if __debug__:
        return
    source, path = inspect.getsource(overrides_visitor), inspect.getsourcefile(overrides_visitor)
    fresh: dict[str, Any] = {"__name__": overrides_visitor.__name__}
    exec(compile(source, path or "<hydra>", "exec", dont_inherit=True, optimize=0), fresh)
    for name, method in vars(fresh[_VISITOR]).items():
        if inspect.isfunction(method):
            getattr(overrides_visitor, _VISITOR).__dict__[name].__code__ = method.__code__


_VISITOR = "HydraOverrideVisitor"
