"""Where results lay before names became file names one to one: ``experiment.name=a/b`` was a folder in a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.reading import find_object


def require_not_elsewhere(root: Path, names: Sequence[str], record: str = "manifest.json") -> None:
    """Raises :class:`BenchError` where results of ``names`` lie under their former path below ``root``, and none under
    their own, with the command that brings them there.

    ``names`` begin with the experiment's; ``record`` is the file by which a folder has results, which names it too.
    """
    before, now = root.joinpath(*names), root.joinpath(*map(file_name, names))
    if before == now or (now / record).exists() or not _is_of(before / record, names):
        return
    # The experiment as a whole where its name alone is written otherwise: its other languages are wanted next.
    if list(names[1:]) == [file_name(name) for name in names[1:]]:
        before, now = root / names[0], root / file_name(names[0])
    source, target = shlex.quote(f"{before}/."), shlex.quote(f"{now}/")
    raise BenchError(
        f"'{before}' has results of experiment.name={names[0]} from before names were written as one folder each; now "
        f"they belong in '{now}'. To continue with them, and compute nothing again:\n"
        f"  mkdir -p {target} && cp -a {source} {target}\n"
        "then the same command; the old folder can go after that. To start afresh, give another experiment.name."
    )


def _is_of(path: Path, names: Sequence[str]) -> bool:
    """Whether the record is of ``names``: ``a%2Fb`` is also where a model called ``a/b`` has its results today."""
    record = find_object(path)
    try:
        if record["config"]["experiment"]["name"] != names[0]:
            return False
        recorded = {record.get("language"), record.get("analysis")} | {
            part.get(key)
            for name in ("model", "dataset", "projection")
            for part in [record.get(name) or {}]
            for key in ("name", "label")
        }
        return all(name in recorded for name in names[1:] if name != file_name(name))
    except (KeyError, TypeError, AttributeError):
        return False
