"""Hydra's parser on Python 3.14, which checks each help text as its argument is added."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
