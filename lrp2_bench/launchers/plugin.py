"""Makes our sweeper known to Hydra, and Hydra a little quieter and quicker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus

from lrp2_bench.launchers.running import prepare_hydra
from lrp2_bench.launchers.sweeper import JobSweeper

#: What ``conf/hydra/sweeper`` calls it. Hydra takes plugins only under this first name, which as a real package would
#: lie beside ours in site-packages and be imported by every Hydra program there.
_TARGET = "hydra_plugins.lrp2_bench.JobSweeper"


def register_sweeper() -> None:
    """Safe to call more than once."""
    prepare_hydra()
    Plugins.instance().class_name_to_class[_TARGET] = JobSweeper


@contextmanager
def without_hydras_words() -> Iterator[None]:
    """Hydra announces a failed job with its settings as a Python list; our own message follows and says more."""
    before: Any = JobReturn.return_value

    def value(ended: JobReturn) -> Any:
        if ended.status is JobStatus.FAILED:
            raise ended._return_value
        return before.fget(ended)

    JobReturn.return_value = property(value, before.fset)  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        JobReturn.return_value = before  # type: ignore[method-assign]


@contextmanager
def shared_repository() -> Iterator[None]:
    """For commands that only look (``--help``, completion): Hydra copies all its sources for every list of options.

    That is two seconds for the groups of one command. The copy keeps ``hydra.searchpath`` of one composition out of
    the next, and here there is no next.
    """
    before = CachingConfigRepository.__init__

    def share(self: CachingConfigRepository, delegate: IConfigRepository) -> None:
        self.delegate = delegate
        self.cache = {}

    CachingConfigRepository.__init__ = share  # type: ignore[method-assign]
    try:
        yield
    finally:
        CachingConfigRepository.__init__ = before  # type: ignore[method-assign]
