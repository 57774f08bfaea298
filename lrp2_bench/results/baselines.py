"""Hits of baselines, kept for other runs: whatever a run is about, its baselines are those of every other."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.files import digest_holds, sha256_file, sha256_json, with_own_digest, write_json
from lrp2_bench.core.types import HIT, MISS, Hits, Relation

log = logging.getLogger(__name__)

#: The packages of this one whose code decides hits, and those of others.
_OWN, _OTHERS = ("core", "grid", "models", "probing"), ("torch", "transformers", "tokenizers")


@dataclass
class Baselines:
    """A file a relation below ``folder``, named by a digest of all that decides a baseline: the relation as it is
    asked, ``decisive`` (model, probing, device), and the code that computes it."""

    folder: Path
    decisive: Mapping[str, Any]
    #: Relations whose hits were read.
    recalled: set[tuple[str, str]] = field(default_factory=set)
    #: That files cannot be written is said once.
    told: bool = False

    def load(self, language: str, relation: Relation) -> Hits | None:
        """``[fact]``, or None where they are not known, or their file is damaged."""
        try:
            record = json.loads(self._path(language, relation).read_bytes())
            text = str(record["hits"])
        except (OSError, ValueError, LookupError, TypeError):
            return None
        if not digest_holds(record) or len(text) != len(relation.facts) or set(text) - {"0", "1"}:
            return None
        self.recalled.add((language, relation.name))
        return np.array([HIT if hit == "1" else MISS for hit in text], dtype=np.int8)

    def save(self, language: str, relation: Relation, hits: Hits) -> None:
        """A full disk is no error: files only save time."""
        path = self._path(language, relation)
        try:
            write_json(path, with_own_digest({"hits": "".join("1" if hit == HIT else "0" for hit in hits.tolist())}))
        except OSError as error:
            if not self.told:
                log.warning("Cannot keep baselines in '%s': %s. Set paths.cache.", path.parent, error)
            self.told = True

    def _path(self, language: str, relation: Relation) -> Path:
        asked = {
            "relation": relation.name,
            "templates": [relation.template, sorted(relation.variants.items()), relation.paraphrases],
            "facts": [
                [fact.line_id, fact.uuid, fact.subject, fact.subject_id, fact.object, fact.object_id, fact.templates]
                for fact in relation.facts
            ],
            "objects": sorted(relation.objects.items()),
            "candidates": sorted(relation.candidates.items()),
            "answers": sorted((subject, sorted(ids)) for subject, ids in relation.answers.items()),
        }
        digest = sha256_json([language, asked, self.decisive, _code()])
        return self.folder / file_name(language) / f"{digest[:32]}.json"


@cache
def _code() -> list[object]:
    """A digest of the code that decides hits: a mistake that is corrected must not live on in kept ones."""
    root = Path(__file__).parents[1]
    files = sorted(path for name in _OWN for path in (root / name).rglob("*.py"))
    return [[sha256_file(path) for path in files], [version(name) for name in _OTHERS]]
