"""Text as a value on Hydra's command line."""

from __future__ import annotations

import re


def quoted(text: str) -> str:
    """``text`` as a value that Hydra reads as it is. It takes backslashes for themselves unless a quote follows."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"
