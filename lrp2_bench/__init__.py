"""LRP2 in Python: does a language model know in English what it cannot say in another language?

    import lrp2_bench as lrp2

    lrp2.search(model="tiny_bloom", dataset="cldr", corpus="cldr", language="de", outputs="outputs")
    results = lrp2.load_results("outputs")
    results.best()

Importing it imports nothing else: each name loads what it needs when it is first used.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lrp2_bench.core.supported import require_python

require_python()

if TYPE_CHECKING:
    from lrp2_bench.api.names import corpora, datasets, interventions, metrics, models
    from lrp2_bench.api.parts import language_vectors, load_model
    from lrp2_bench.api.results import Results, load_results
    from lrp2_bench.api.search import search
    from lrp2_bench.core.errors import BenchError

    __version__: str

__all__ = [
    "BenchError",
    "Results",
    "__version__",
    "corpora",
    "datasets",
    "interventions",
    "language_vectors",
    "load_model",
    "load_results",
    "metrics",
    "models",
    "search",
]

_HOMES = {
    "BenchError": "lrp2_bench.core.errors",
    "Results": "lrp2_bench.api.results",
    "corpora": "lrp2_bench.api.names",
    "datasets": "lrp2_bench.api.names",
    "language_vectors": "lrp2_bench.api.parts",
    "load_model": "lrp2_bench.api.parts",
    "load_results": "lrp2_bench.api.results",
}

#: Functions that are called like one of our folders: the folder's module is what both names stand for, and calling it
#: calls the function, whichever of the two was imported first.
_FOLDERS = {
    "interventions": "lrp2_bench.api.names",
    "metrics": "lrp2_bench.api.names",
    "models": "lrp2_bench.api.names",
    "search": "lrp2_bench.api.search",
}


class _CallableFolder(ModuleType):
    # A folder of the package that is called as the function of its name, and documented as it.

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        from inspect import getdoc

        return getdoc(self._function)

    @property
    def _function(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(importlib.import_module(_FOLDERS[name]), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        return signature(self._function)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        """Python binds a folder here as soon as anything in it is imported."""
        if name in _FOLDERS and isinstance(value, ModuleType):
            value.__class__ = _CallableFolder
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lrp2-bench")
    if name in _FOLDERS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
