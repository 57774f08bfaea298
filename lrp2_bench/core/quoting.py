"""An override that Hydra cannot read as it was typed, written so that shell and Hydra hand it on as it was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable


def quoting_advice(override: str, composes: Callable[[str], bool]) -> str:
    """The next step for ``KEY=VALUE``, to be pasted into a POSIX shell; ``composes`` tries an override."""
    key, equals, value = override.partition("=")
    if equals and composes(f"{key}={_hydra_quoted(value)}"):
        return f"To give this very text, quote it for Hydra and for the shell: {shell_quoted(key, value)}"
    return "Settings are given as key=value without spaces around the =, lists as key=[a,b], such as language=de."


def shell_quoted(key: str, value: str) -> str:
    """``KEY=VALUE`` as a shell word that Hydra reads as the text ``value``."""
    return shlex.quote(f"{key}={_hydra_quoted(value)}")


def _hydra_quoted(value: str) -> str:
    """In double quotes where they hold it as it is: they stand best within the shell's single ones."""
    return f'"{value}"' if "\\" not in value and '"' not in value else quoted(value)


def quoted(text: str) -> str:
    """``text`` as a value that Hydra reads as it is. It takes backslashes for themselves unless a quote follows."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"
