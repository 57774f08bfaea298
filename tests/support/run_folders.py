"""Run folders as ``lrp2-bench search`` leaves them, made by hand: no model needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Scores = tuple[float, float]  # accuracy, transferability


def write_run(
    root: Path,
    language: str,
    baseline: Scores,
    pairs: Mapping[tuple[int, int], Scores] | None = None,
    *,
    experiment: str = "paper",
    model: str = "mbert",
    dataset: str = "mlama",
    pivot: str = "en",
    blocks: int = 12,
    facts: int = 100,
    shared: int = 80,
    state: str = "finished",
    status: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``root/experiment/model/dataset/language`` and return it; ``status`` and ``manifest`` override keys."""
    folder = root / experiment / model / dataset / language
    folder.mkdir(parents=True)
    lines = ["lirp,lsrp,accuracy,transferability,facts,shared"]
    for lirp, lsrp, (accuracy, transferability) in [
        ("", "", baseline),
        *((*pair, scores) for pair, scores in sorted((pairs or {}).items())),
    ]:
        lines.append(f"{lirp},{lsrp},{accuracy:.6f},{transferability:.6f},{facts},{shared}")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_json(folder / "status.json", {"state": state, "missing": []} | dict(status or {}))
    content: dict[str, Any] = {
        "model": {"name": model, "blocks": blocks, "digest": "sha256:abc", "revision": "main"},
        "dataset": {"name": dataset, "digest": f"sha256:{language}"},
        "language": language,
        "pivot": pivot,
        "select_by": "transferability",
        "config": {"dataset": {"limit": None}, "corpus": {"sentences": 1000}, "vectors": {"path": None}},
        "identity": {
            "model": {"digest": "sha256:abc", "precision": "float32"},
            "dataset": {"name": dataset, "digest": f"sha256:{language}"},
            "language": language,
            "pivot": pivot,
            "vectors": {"language": f"vectors of {language}" if pairs else None, "pivot": "p" if pairs else None},
            "probing": {"pool_size": "full", "seed": 0},
        },
        "identity_hash": f"hash of {language}",
    }
    write_json(folder / "manifest.json", content | dict(manifest or {}))
    return folder


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def every_pair(blocks: int, score: float = 10.0) -> dict[tuple[int, int], Scores]:
    """The same scores for every pair of a model with ``blocks`` blocks."""
    return {(i, j): (score, score) for i in range(1, blocks) for j in range(i + 1, blocks + 1)}
