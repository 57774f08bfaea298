"""``lrp2-bench search`` from Python: the same engine, files and settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrp2_bench.api.results import Results, load_results
from lrp2_bench.commands.search.job import run_search
from lrp2_bench.commands.search.prepared import Sources
from lrp2_bench.config.arguments import expand_groups
from lrp2_bench.config.compose import factory
from lrp2_bench.config.from_python import as_overrides, composed, model_overrides
from lrp2_bench.config.group_members import groups_for
from lrp2_bench.core.errors import BenchError


def search(
    *,
    model: str | Path,
    language: str | Sequence[str],
    dataset: str = "mlama",
    corpus: str = "opus100",
    outputs: str | Path = "outputs",
    experiment: str = "default",
    tracking: str = "none",
    overrides: Sequence[str] = (),
    **settings: Any,
) -> Results:
    """Every layer pair of ``model`` on ``dataset`` in ``language``, stored below ``outputs``; returns that run.

    It goes on where it, or the same ``lrp2-bench search``, was stopped, and does nothing where that has finished.
    ``model`` is one of :func:`lrp2_bench.models`, a checkpoint's folder or a hub id; ``language`` a code, a group
    (``"high"``) or several, which run one after another. All other settings have their names on the command line and
    its defaults, but that nothing is tracked unless asked: ``select_by="accuracy"``, ``search="racing"``,
    ``projection="random"``, ``**{"dataset.limit": 5}``, or ``overrides=["dataset.limit=5"]``.

    Raises :class:`~lrp2_bench.core.errors.BenchError` for an unknown name or setting, with the nearest one, and for
    what would end the command.
    """
    if settings.get("plan"):
        raise BenchError("plan=True prints a plan and stores nothing: use `lrp2-bench search plan=true`.")
    named = [language] if isinstance(language, str) else list(language)
    given = {
        "dataset": dataset,
        "corpus": corpus,
        "tracking": tracking,
        "paths.outputs": str(outputs),
        "experiment.name": experiment,
        **settings,
    }
    folders = []
    for code in _codes(named, [*model_overrides(model), *as_overrides(given), *overrides]):
        found = composed([*model_overrides(model), *as_overrides({**given, "language": code}), *overrides])
        config = found.config
        sources = Sources(factory(config.dataset), factory(config.corpus), factory(config.tracking))
        folders.append(run_search(found.settings, found.tree, sources))
    return load_results(*folders)


def _codes(named: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The codes that ``named`` ones and groups stand for, in the dataset at hand."""
    listed = f"language={','.join(named)}"
    return expand_groups(listed, lambda: groups_for("search", overrides)).removeprefix("language=").split(",")
