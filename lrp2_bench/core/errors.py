"""Errors a user can act on: the bad value, the valid values, the nearest name, the next step."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lrp2_bench.core.secrets import mask


class BenchError(Exception):
    """A problem the user can fix; the command line prints its text without a traceback. It holds no credentials."""

    def __init__(self, text: str) -> None:
        super().__init__(mask(text))


class UnknownNameError(BenchError):
    """A name that is not among the known ones; the text lists those and suggests the nearest."""

    def __init__(
        self, what: str, name: object, known: Iterable[str], hint: str = "", aliases: dict[str, str] | None = None
    ):
        options = sorted(known)
        text = f"Unknown {what} '{name}'."
        suggestion = nearest(str(name), options, aliases)
        if suggestion:
            text += f" Did you mean '{suggestion}'?"
        text += f"\nKnown: {', '.join(options) or 'none'}."
        if hint:
            text += f"\n{hint}"
        super().__init__(text)


def nearest(name: str, known: Iterable[str], aliases: dict[str, str] | None = None) -> str | None:
    """The known name nearest to ``name``; ``aliases`` maps other spellings (``ger``, ``german``) to known names."""
    options = {option.lower(): option for option in known}
    for spelling, target in (aliases or {}).items():
        if target in options.values():
            options.setdefault(spelling.lower(), target)
    key = name.lower()
    if key in options:
        return options[key]
    close = difflib.get_close_matches(key, options, n=1, cutoff=0.6)
    return options[close[0]] if close else None
