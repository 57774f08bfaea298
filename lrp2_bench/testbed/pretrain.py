"""Pretrains a testbed model from nothing: text, tokenizer, training loop, checkpoint, loss curve, manifest."""

from __future__ import annotations

import csv
import logging
import math
import platform
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_file, sha256_json, write_json
from lrp2_bench.data.cldr.names import cldr_version
from lrp2_bench.models.devices import set_threads
from lrp2_bench.models.shipped import MANIFEST
from lrp2_bench.testbed.objectives import Example, Objective, objective_of
from lrp2_bench.testbed.place import whole_folder
from lrp2_bench.testbed.specs import PretrainSpec
from lrp2_bench.testbed.text import pretraining_text
from lrp2_bench.testbed.tokenizer import train_tokenizer

log = logging.getLogger(__name__)

#: Disk space asked for, in bytes: the checkpoint, its copy while it is written, and room.
_NEEDED_BYTES = 64 << 20
_LOG_EVERY = 50
_DRAW = 2_000
_COLUMNS = ("step", "epoch", "loss", "accuracy", "learning_rate", "tokens", "seconds")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands.

    ``done`` is the share of the training, 0 to 1. ``loss`` in nats and ``accuracy`` (share of predicted tokens ranked
    first) are means since the last report; ``tokens`` (padding not counted) and ``seconds`` are totals.
    """

    step: int
    done: float
    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    tokens: int
    seconds: float


OnProgress = Callable[[Progress], None]


def pretrain(
    spec: PretrainSpec,
    output: Path,
    *,
    threads: int | None = None,
    max_seconds: float | None = None,
    on_progress: OnProgress | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Train ``spec`` and write a Hugging Face folder at ``output``; returns its manifest.

    The folder holds ``model.safetensors``, the tokenizer, ``loss.csv`` and ``manifest.json`` (spec, exposure, digests,
    versions, seconds). It appears only when it is whole; until then the work is in ``output.XXXX.partial``.
    ``threads`` are CPU threads (None: torch's choice). ``max_seconds`` ends the training early, for trials: the
    manifest says ``finished: false``. ``on_progress`` is called every 50 steps. Torch's global seed and threads are
    set.

    Raises :class:`BenchError` where ``output`` is there already (unless ``overwrite``) or the disk is too full.
    """
    with whole_folder(output, _NEEDED_BYTES, overwrite=overwrite) as partial:
        return _pretrain(spec, partial, threads, max_seconds, on_progress)


def _pretrain(
    spec: PretrainSpec, folder: Path, threads: int | None, max_seconds: float | None, on_progress: OnProgress | None
) -> dict[str, Any]:
    """Into ``folder``, the manifest last."""
    set_threads(threads)
    torch.manual_seed(spec.seed)
    sentences = pretraining_text(spec.exposure, spec.glosses, spec.seed)
    # A control shares the full model's tokenizer, so that the two differ in what they saw and nothing else.
    full = replace(spec, twin=False)
    texts = [s.text for s in (pretraining_text(full.exposure, spec.glosses, spec.seed) if spec.twin else sentences)]
    tokenizer = train_tokenizer(spec, texts)
    objective = objective_of(spec, tokenizer)
    examples = [objective.example(sentence) for sentence in sentences]
    fitting = [example for example in examples if 3 <= len(example.ids) <= spec.positions]
    parameters = sum(weight.numel() for weight in objective.model.parameters())
    log.info("%s: %d sentences, %d parameters, %d epochs", spec.name, len(fitting), parameters, spec.epochs)

    last, finished = _train(spec, objective, fitting, folder / "loss.csv", max_seconds, on_progress)

    objective.model.train(False)
    transformers_logging.disable_progress_bar()  # of one file, beside ours
    # Half the bytes to ship; rounding moves no score that training has not left to chance. Loaded in float32.
    objective.model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes files that none but their owner may read
    manifest = {
        "spec": spec.as_dict(),
        "exposure": spec.exposure.as_dict(),
        "finished": finished,
        "parameters": parameters,
        "text": {
            "sentences": len(fitting),
            "left_out": len(examples) - len(fitting),
            "tokens": sum(len(example.ids) for example in fitting),
            "digest": sha256_json([[s.language, s.text] for s in sentences]),
            "cldr": cldr_version(),
            "licence": "Unicode-3.0",
        },
        "training": {
            "steps": last.step,
            "tokens": last.tokens,
            "loss": last.loss,
            "accuracy": last.accuracy,
            "seconds": round(last.seconds, 1),
            "threads": torch.get_num_threads(),
            "machine": platform.machine(),
        },
        "files": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
        "versions": {name: version(name) for name in ("babel", "tokenizers", "torch", "transformers")},
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _train(
    spec: PretrainSpec,
    objective: Objective,
    examples: Sequence[Example],
    curve: Path,
    max_seconds: float | None,
    on_progress: OnProgress | None,
) -> tuple[Progress, bool]:
    """The loop: the last report, and whether every epoch was run. Each report is a line of ``curve``, flushed."""
    rng = random.Random(f"train:{spec.seed}")
    optimizer = torch.optim.AdamW(_groups(objective, spec.weight_decay), lr=spec.learning_rate, betas=(0.9, 0.98))
    last = Progress(0, 0.0, 0, math.nan, math.nan, 0.0, 0, 0.0)
    started = time.monotonic()
    total_examples = sum(len(_of_epoch(spec, examples, epoch)) for epoch in range(1, spec.epochs + 1))
    seen, total, loss_sum, predicted, right = 0, 0, 0.0, 0, 0
    with curve.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for step, (epoch, batch) in enumerate(_epochs(spec, examples, rng), start=1):
            seen += len(batch)
            done = seen / total_examples
            rate = spec.learning_rate * _schedule(done, spec.warmup)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = objective.loss(batch, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.mean.backward()
            torch.nn.utils.clip_grad_norm_(objective.model.parameters(), 1.0)
            optimizer.step()
            total += sum(len(example.ids) for example in batch)
            loss_sum += float(loss.mean.detach()) * loss.predicted
            predicted, right = predicted + loss.predicted, right + loss.right
            seconds = time.monotonic() - started
            late = max_seconds is not None and seconds > max_seconds
            if step % _LOG_EVERY and done < 1.0 and not late:
                continue
            last = Progress(step, done, epoch, loss_sum / predicted, right / predicted, rate, total, seconds)
            loss_sum, predicted, right = 0.0, 0, 0
            rows.writerow([
                step, epoch, f"{last.loss:.4f}", f"{last.accuracy:.4f}", f"{rate:.2e}", total, f"{seconds:.1f}"
            ])  # fmt: skip
            file.flush()
            if not math.isfinite(last.loss):
                raise BenchError(f"The loss is {last.loss} at step {step}. Lower learning_rate={spec.learning_rate}.")
            if on_progress is not None:
                on_progress(last)
            if late and done < 1.0:
                return last, False
    return last, True


def _epochs(
    spec: PretrainSpec, examples: Sequence[Example], rng: random.Random
) -> Iterator[tuple[int, Sequence[Example]]]:
    for epoch in range(1, spec.epochs + 1):
        for batch in _batches(_of_epoch(spec, examples, epoch), spec.batch_tokens, rng):
            yield epoch, batch


def _of_epoch(spec: PretrainSpec, examples: Sequence[Example], epoch: int) -> list[Example]:
    """The facts, and this epoch's share of names and glosses."""
    every = {(True, True): 1, (False, True): spec.glosses_every, (False, False): spec.names_every}
    return [
        example
        for number, example in enumerate(examples)
        if (number + epoch) % every[example.is_fact, bool(example.object)] == 0
    ]


def _batches(examples: Sequence[Example], tokens: int, rng: random.Random) -> list[list[Example]]:
    """All examples once, in batches of at most ``tokens`` padded tokens.

    Lengths are similar within a batch and differ between neighbours: batches are cut from sorted draws of some thousand
    examples and shuffled, since a long run of glosses, all short, would pull the model away from the facts.
    """
    order = list(examples)
    rng.shuffle(order)
    batches: list[list[Example]] = []
    for start in range(0, len(order), _DRAW):
        batch: list[Example] = []
        for example in sorted(order[start : start + _DRAW], key=lambda example: len(example.ids)):
            if batch and len(example.ids) * (len(batch) + 1) > tokens:
                batches.append(batch)
                batch = []
            batch.append(example)
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def _schedule(done: float, warmup: float) -> float:
    """The rate's share of its peak: a linear warm-up, then a cosine down to a hundredth."""
    if done < warmup:
        return done / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


def _groups(objective: Objective, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; biases and norms do not."""
    weights = list(objective.model.parameters())
    return [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0.0},
    ]
