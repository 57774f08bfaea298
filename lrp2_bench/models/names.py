"""What a model is called in folders and tables."""

from __future__ import annotations

from pathlib import Path


def folder_name(name: str | None, path: str) -> str:
    """``name`` where one is given, else the last part of a folder or hub id."""
    return name or Path(path).expanduser().resolve().name
