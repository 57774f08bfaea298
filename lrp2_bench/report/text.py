"""Texts that come from data (folder names, messages, languages), made fit to be shown."""

from __future__ import annotations

import unicodedata

LONGEST = 1000  # characters of one text; a message beyond that helps nobody in a table's note


def one_line(text: str, longest: int = LONGEST) -> str:
    """On one line, without control and format characters (among them those that reverse text), cut when endless."""
    line = " ".join(text.split())
    shown = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in line[: longest + 1])
    return shown if len(line) <= longest else shown[:longest] + "…"
