"""``lrp2-bench pretrain``: a testbed model from nothing, or one of your own after its pattern."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import require
from lrp2_bench.core.progress import Advance, progress
from lrp2_bench.core.settings import PretrainCommand
from lrp2_bench.models.names import folder_name
from lrp2_bench.render.figures.save import save
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.report.figures.loss import loss_curve
from lrp2_bench.testbed.pretrain import Progress, pretrain
from lrp2_bench.testbed.specs import PretrainSpec, spec_of

log = logging.getLogger(__name__)

_LOSS_LINES = 10  # lines about the loss in a whole training


def run_pretrain(settings: PretrainCommand) -> Path:
    """Train and write a checkpoint; returns its folder. Raises :class:`BenchError` for what a user can fix."""
    spec = wanted_spec(settings)
    output = Path(settings.output or f"{settings.paths.outputs}/pretrained/{spec.name}").expanduser()
    with _Reporter(spec) as reporter:
        manifest = pretrain(
            spec,
            output,
            threads=settings.model.threads,
            max_seconds=settings.max_seconds,
            on_progress=reporter,
            overwrite=settings.overwrite,
        )
    with house_style():
        save(loss_curve(output / "loss.csv", spec.name), output, "loss")
    training = manifest["training"]
    log.info(
        "%s: loss %.3f nats, %.1f %% of predicted tokens right, %d steps in %.0f s%s.",
        spec.name, training["loss"], 100 * training["accuracy"], training["steps"], training["seconds"],
        "" if manifest["finished"] else " (ended early)",
    )  # fmt: skip
    log.info("Checkpoint: %s (search it with model=hf model.path=%s dataset=cldr corpus=cldr)", output, output)
    return output


def wanted_spec(settings: PretrainCommand) -> PretrainSpec:
    """The named model's spec with the settings that were given; a changed model needs a name of its own."""
    spec = spec_of(folder_name(settings.model.name, settings.model.path))
    names = {field.name for field in fields(PretrainSpec)} - {"name", "architecture", "twin"}
    given: dict[str, Any] = {name: getattr(settings, name) for name in names if getattr(settings, name) is not None}
    if "languages" in given:
        given["languages"] = tuple(sorted({require(code).code for code in given["languages"]} | {"en"}))
    changed = sorted(name for name, value in given.items() if getattr(spec, name) != value)
    if changed and settings.name is None:
        raise BenchError(
            f"{', '.join(f'{name}={given[name]}' for name in changed)}: that is no longer {spec.name}. "
            f"Give it another name, such as name=my_{spec.name}."
        )
    name = settings.name or spec.name
    if "/" in name or name in {".", ".."}:
        raise BenchError(
            f"name={name} is not a valid folder name. Use letters, digits, _ and -; output=DIR sets the folder."
        )
    return replace(spec, **given, name=name)


class _Reporter:
    """The bar, and the loss at every tenth of the training. The bar starts with the first report."""

    def __init__(self, spec: PretrainSpec) -> None:
        self._spec = spec
        self._stack = ExitStack()
        self._advance: Advance | None = None
        self._tokens = 0
        self._tenth = 0

    def __enter__(self) -> _Reporter:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __call__(self, report: Progress) -> None:
        if self._advance is None:
            total = round(report.tokens / report.done)
            self._advance = self._stack.enter_context(progress(self._spec.name, total, "tokens"))
        self._advance(report.tokens - self._tokens)
        self._tokens = report.tokens
        if int(_LOSS_LINES * report.done) > self._tenth:
            self._tenth = int(_LOSS_LINES * report.done)
            log.info(
                "Epoch %d of %d, step %d: loss %.3f nats, %.1f %% right.",
                report.epoch, self._spec.epochs, report.step, report.loss, 100 * report.accuracy,
            )  # fmt: skip
