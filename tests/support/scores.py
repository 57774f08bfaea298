"""What a folder's model computes, as bytes to be compared between environments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models.loading import load_model
from tests.support.loading import find


def scores_of(folders: Iterable[str]) -> list[list[str] | str]:
    """A folder's digest and that of a sentence's logits; the error of one that is refused."""
    torch.set_num_threads(1)
    found: list[list[str] | str] = []
    for folder in folders:
        try:
            checkpoint = find(folder)
            model = load_model(checkpoint, ModelSettings(path=folder, device="cpu"))
        except BenchError as error:
            found.append(str(error))
            continue
        batch = model.batch([model.tokenizer("Die Hauptstadt von Deutschland ist Berlin.")["input_ids"]])
        with torch.inference_mode():
            hidden, context = model.embed(batch), model.context(batch)
            for block in range(1, model.blocks + 1):
                hidden = model.block(block, hidden, context)
            logits = model.logits(hidden)
        found.append([checkpoint.digest, hashlib.sha256(logits.numpy().tobytes()).hexdigest()])
    return found
