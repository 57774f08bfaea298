"""Hydra as our commands need it for a while: with our sweeper, quicker, and with its parser on any Python."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.plugins import Plugins

from lrp2_bench.launchers.running import prepared_hydra
from lrp2_bench.launchers.sweeper import JobSweeper

#: What ``conf/hydra/sweeper`` calls it. Hydra takes plugins only under this first name, which as a real package would
#: lie beside ours in site-packages and be imported by every Hydra program there.
_TARGET = "hydra_plugins.lrp2_bench.JobSweeper"


@contextmanager
def registered_sweeper() -> Iterator[None]:
    """Hydra as our commands need it; it is what it was afterwards."""
    with prepared_hydra():
        plugins = Plugins.instance().class_name_to_class
        before = plugins.get(_TARGET)
        plugins[_TARGET] = JobSweeper
        try:
            yield
        finally:
            if before is None:
                del plugins[_TARGET]


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


@contextmanager
def any_help_text() -> Iterator[None]:
    """Let arguments have help that is no string and becomes one when it is printed, as in Python 3.13 and before.

    Hydra 1.3 gives one such object, for shell completion. From 3.14 on argparse expands each help text at once, finds
    no string, and every command of Hydra's would end with "badly formed help string". Strings are checked as ever.
    """
    before: Any = argparse.ArgumentParser.__dict__.get("add_argument")
    add: Any = argparse.ArgumentParser.add_argument

    def add_argument(self: argparse.ArgumentParser, *names: str, **options: Any) -> argparse.Action:
        text = options.get("help")
        if text is None or isinstance(text, str):
            found: argparse.Action = add(self, *names, **options)
            return found
        found = add(self, *names, **{**options, "help": ""})
        found.help = text
        return found

    argparse.ArgumentParser.add_argument = add_argument  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        if before is None:
            del argparse.ArgumentParser.add_argument
        else:
            argparse.ArgumentParser.add_argument = before  # type: ignore[method-assign]
