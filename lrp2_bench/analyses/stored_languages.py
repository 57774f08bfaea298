"""What an analysis found of each language, kept one by one, so that languages of several runs stand in one table.

A language's file is written as soon as it is measured, whole or not at all. Tables and figures are drawn from all files
that belong together, so a run that is stopped, or two that run at a time, lose nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_file, write_text
from lrp2_bench.core.reading import find_object, read_object
from lrp2_bench.render.text import file_stem

log = logging.getLogger(__name__)

#: In an analysis's folder.
LANGUAGES = "languages"

FoundT = TypeVar("FoundT")


class StoredLanguages(Generic[FoundT]):
    """``folder/LANGUAGE.json``: results of the dataclass ``kind``, each with the identity it was measured under."""

    def __init__(self, folder: Path, kind: type[FoundT]) -> None:
        self._folder, self._kind = folder, kind

    def keep(self, language: str, identity: Mapping[str, Any], found: FoundT) -> None:
        """In the place of what there was of ``language``."""
        record = {"language": language, "identity": identity, "found": to_json(found)}
        write_text(self._folder / f"{file_stem(language)}.json", json.dumps(record, ensure_ascii=False) + "\n")

    def state(self) -> dict[Path, str]:
        """Differs once another job has kept a language."""
        return {path: sha256_file(path) for path in sorted(self._folder.glob("*.json"))}

    def languages(self) -> set[str]:
        return {str(find_object(path).get("language")) for path in self._folder.glob("*.json")}

    def read(self, identity: Mapping[str, Any]) -> tuple[dict[str, FoundT], dict[str, list[str]]]:
        """The results that may stand beside those of ``identity``, by language in order; and, of the other languages,
        the parts of their identity that differ. What cannot be read is logged and left where it is."""
        found: dict[str, FoundT] = {}
        others: dict[str, list[str]] = {}
        for path in self._folder.glob("*.json"):
            try:
                record = read_object(path)
                language, before = str(record["language"]), record["identity"]
                result = from_json(self._kind, record["found"])
                if differing := [key for key in identity if _differ(before.get(key), identity[key])]:
                    others[language] = differing
                else:
                    found[language] = result
            except (BenchError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("'%s' cannot be read (%r): analyse that language again.", path, error)
        return {language: found[language] for language in sorted(found)}, dict(sorted(others.items()))

    def forget(self, language: str) -> None:
        (self._folder / f"{file_stem(language)}.json").unlink(missing_ok=True)


def to_json(found: Any) -> Any:
    """A dataclass of numbers, texts, arrays of floats and of such dataclasses as JSON has it; NaN is null."""
    if is_dataclass(found) and not isinstance(found, type):
        return _plain(asdict(found))
    return _plain(found)


def from_json(kind: Any, value: Any) -> Any:
    """The ``kind`` that :func:`to_json` made ``value`` of, arrays to the last bit. Raises KeyError, TypeError or
    ValueError for anything else."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        options = [each for each in get_args(kind) if each is not NoneType]
        return from_json(options[0], value) if value is not None and len(options) == 1 else value
    if origin is np.ndarray:
        return np.array(value, dtype=np.float64)
    if origin is tuple:
        return tuple(from_json(get_args(kind)[0], each) for each in value)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: from_json(hints[field.name], value[field.name]) for field in fields(kind)})
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and value != value else value


def _differ(before: Any, now: Any) -> bool:
    """What one of the two did not need, and so does not know, is no difference."""
    return before is not None and now is not None and before != now
