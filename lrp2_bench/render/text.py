"""Texts that come from data (folder names, messages, languages), made fit to be shown."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LONGEST_STEM = 150  # bytes of a file's name before its ending
LONGEST = 1000  # characters of one text; a message beyond that helps nobody in a table's note


def one_line(text: str, longest: int = LONGEST) -> str:
    """On one line, without control and format characters (among them those that reverse text), cut when endless."""
    line = " ".join(text.split())
    shown = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in line[: longest + 1])
    return shown if len(line) <= longest else shown[:longest] + "…"


def file_stem(name: str) -> str:
    """A table's or figure's ``name`` as a file's: it leads out of no folder, and no file system finds it too long."""
    stem = re.sub(r"[^\w.-]", "_", name)
    if len(stem.encode()) <= _LONGEST_STEM:
        return stem
    # Cut by bytes, which are what file systems count; the digest keeps apart what is cut alike.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem.encode()[:_LONGEST_STEM].decode(errors='ignore')}_{digest}"
