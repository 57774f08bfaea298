"""The one reader of JSON files: strict where a file must be there and whole, lenient where it only may help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError


class MissingFileError(BenchError):
    """There is no such file."""


class DamagedFileError(BenchError):
    """The file is there, and what it holds cannot be used."""


def missing(path: Path, next_step: str) -> MissingFileError:
    """How every missing file of a run folder is reported."""
    return MissingFileError(f"'{path}' is missing. {next_step}".rstrip())


def damaged(path: Path, why: object, next_step: str) -> DamagedFileError:
    """How every damaged file is reported; of ``why`` the first line."""
    reason = (str(why).strip().splitlines() or [type(why).__name__])[0]
    return DamagedFileError(f"'{path}' is damaged ({reason}). {next_step}".rstrip())


def read_object(path: Path, next_step: str = "") -> dict[str, Any]:
    """The JSON object in ``path``. Raises :class:`MissingFileError` and :class:`DamagedFileError`, whose texts end with
    ``next_step``."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path, next_step) from None
    except (OSError, ValueError) as error:  # json decodes first: what is no UTF-8 is a ValueError
        raise damaged(path, error, next_step) from error
    if not isinstance(content, dict):
        raise damaged(path, "it holds no JSON object", next_step)
    return content


def find_object(path: Path) -> dict[str, Any]:
    """The same, empty where there is none that can be read: for files that somebody may be writing, or may have
    written."""
    try:
        return read_object(path)
    except BenchError:
        return {}
