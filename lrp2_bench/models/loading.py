"""From a folder or hub id to an adapter: nothing fetched is executed, weights are safetensors only."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ModelFamily, ModelSettings, Precision, Quantization
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.checkpoint_files import digests_of
from lrp2_bench.models.devices import choose_device, require_precision, set_threads
from lrp2_bench.models.exact_products import require_exact_products
from lrp2_bench.models.generic.adapter import GenericCausal, GenericMasked
from lrp2_bench.models.generic.support import headless_hint
from lrp2_bench.models.gguf import convert
from lrp2_bench.models.hub_refusals import refuse_pickled
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.locating import LOCAL_HINT, locate
from lrp2_bench.models.memory import empty_model, weight_bytes
from lrp2_bench.models.quantised import quantisation
from lrp2_bench.models.registry import fast_adapter
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.models.shipped import PREFIX, checked_manifest, is_ours
from lrp2_bench.models.unhandled import merging, read_json, refuse_adapter, refuse_unhandled
from lrp2_bench.models.weights import load_weights

log = logging.getLogger(__name__)

#: From 2 on docstrings are left out; transformers makes its models' documentation from them as they are loaded.
_OPTIMIZE = sys.flags.optimize

#: In the name of a weight: one of a list's members.
_IN_A_BLOCK = re.compile(r"\.\d+\.")

_NO_TOKENIZER = "Save the model's own there with tokenizer.save_pretrained(DIR), which writes tokenizer.json."


@dataclass(frozen=True)
class Checkpoint:
    """A model's files on this machine. ``digest`` covers config, weights and tokenizer, by content, and the family
    where another than the architecture's own is asked for.

    ``other_digest`` is the one by the rule of earlier versions, which covered more files, where that is another.
    ``gguf`` says of which GGUF file the folder was made, and how that was quantised.
    """

    folder: Path
    revision: str | None
    digest: str
    other_digest: str | None = None
    gguf: Mapping[str, Any] | None = None

    def known_as(self, digest: object) -> Checkpoint:
        """The checkpoint under ``digest`` where that is its own by the other rule, so that folders and vectors made
        under that rule go on under it; itself for anything else."""
        if self.other_digest is None or digest != self.other_digest:
            return self
        return replace(self, digest=self.other_digest, other_digest=self.digest)


def find_checkpoint(settings: ModelSettings) -> Checkpoint:
    """The local folder ``settings.path`` names, or the hub's snapshot of it (downloaded once, then cached), or what a
    GGUF file was converted to (once, then cached).

    A checkpoint made by `lrp2-bench pretrain` is checked against its manifest's digests.
    """
    if _OPTIMIZE > 1:
        raise BenchError("Python runs without docstrings (-OO, PYTHONOPTIMIZE=2), which transformers needs: use -O.")
    cache = Path(settings.cache).expanduser()
    folder, revision, weights = locate(settings.path, settings.revision, lambda folder: _judged(folder, settings))
    converted = convert(folder, cache) if folder.is_file() else None
    folder = converted.folder if converted else folder
    if settings.path.startswith(PREFIX) or is_ours(folder):
        checked_manifest(folder)
    config, family = _judged(folder, settings)
    refuse_pickled(settings.path, weights, family, settings.revision)
    digest, former = (converted.digest, converted.digest) if converted else digests_of(folder, cache)
    gguf = converted.record if converted else None
    if family != choose_family(config, ModelFamily.auto, str(folder)):
        # The same weights with other masks give other states and other hits.
        return Checkpoint(folder, revision, sha256_json({"files": digest, "model.family": family}), gguf=gguf)
    return Checkpoint(folder, revision, digest, former if former != digest else None, gguf)


def _judged(folder: Path, settings: ModelSettings) -> tuple[dict[str, Any], Family]:
    """The configuration in ``folder`` and its family. Raises :class:`BenchError` for what will not be run, by its small
    files alone."""
    refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise BenchError(f"'{folder}' has no config.json, so it is not a Hugging Face model folder.\n{LOCAL_HINT}")
    config = read_json(folder / "config.json")
    refuse_unhandled(folder, config)
    quantisation(config, settings.quantization, str(folder))
    return config, choose_family(config, settings.family, str(folder))


def weights_ahead(checkpoint: Checkpoint, settings: ModelSettings) -> dict[str, int]:
    """Bytes that the weights will take, by how they are kept (such as nf4+bfloat16), the way asked for first: counted
    on the configuration, before anything is read."""
    config = read_json(checkpoint.folder / "config.json")
    family = _auto_class(choose_family(config, settings.family, str(checkpoint.folder)))
    packed = quantisation(config, settings.quantization, str(checkpoint.folder))
    try:
        empty = empty_model(family, checkpoint.folder)
    except Exception as error:  # as where it is loaded
        raise _cannot_load(checkpoint.folder, error) from error
    ways = [(packed, settings.precision)]
    if not config.get("quantization_config"):
        ways += [(None, precision) for precision in Precision]
        ways += [(kind.value, Precision.bfloat16) for kind in Quantization]
    return {
        f"{kind}+{precision.value}" if kind else precision.value: weight_bytes(
            empty, getattr(torch, precision.value), kind
        ).total
        for kind, precision in ways
    }


def load_tokenizer(settings: ModelSettings) -> Any:
    """The tokenizer of a checkpoint alone."""
    from transformers import AutoTokenizer

    folder = find_checkpoint(settings).folder
    try:
        return AutoTokenizer.from_pretrained(folder.absolute(), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # as where the model is loaded
        raise _cannot_load(folder, error) from error


def load_model(checkpoint: Checkpoint, settings: ModelSettings) -> LayeredModel:
    """The adapter of a checkpoint, in evaluation mode, on ``settings.device`` in ``settings.precision``."""
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    set_threads(settings.threads)
    config = read_json(checkpoint.folder / "config.json")
    adapter = _adapter(config, settings, str(checkpoint.folder))
    device = choose_device(settings.device)
    require_exact_products(device)
    require_precision(device, settings.precision)
    # Absolute, because transformers takes a relative path for a hub id where it looks like one of a few it knows.
    folder = checkpoint.folder.absolute()
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, loading = load_weights(_auto_class(adapter.family), folder, config, settings, device)
    except BenchError:
        raise
    except Exception as error:  # transformers raises anything from OSError to SafetensorError on damaged folders
        raise _cannot_load(checkpoint.folder, error) from error
    if missing := sorted(loading["missing_keys"]):
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BenchError(
            f"'{checkpoint.folder}' lacks {len(missing)} of the model's weights ({shown}); transformers would fill "
            f"them with random numbers. {_way_out_of_missing(missing)}{headless_hint(config)}"
        )
    if adapted := sorted(name for name in loading["unexpected_keys"] if ".lora_" in name):
        raise BenchError(
            f"'{checkpoint.folder}' has an adapter among its weights ({adapted[0]}, ...), and adapters are not "
            f"applied.\n{merging('BASE', 'ADAPTER')}"
        )
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise BenchError(
            f"'{checkpoint.folder}' has no tokenizer: transformers found no vocabulary and made up an empty one.\n"
            f"{_NO_TOKENIZER}"
        )
    try:
        return adapter(model, tokenizer)
    except ValueError as error:
        raise BenchError(f"Cannot run the model in '{checkpoint.folder}': {error}") from error


def _way_out_of_missing(names: Sequence[str]) -> str:
    if any(_IN_A_BLOCK.search(name) for name in names):
        return "Get the checkpoint again: its files are not whole, or its config.json is another model's."
    return "Use a checkpoint saved with its language-modelling head."


def _auto_class(family: Family) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    classes: dict[Family, Any] = {
        "masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM, "seq2seq": AutoModelForSeq2SeqLM,
    }  # fmt: skip
    return classes[family]


def _cannot_load(folder: Path, error: Exception) -> BenchError:
    way_out = LOCAL_HINT
    if "backend tokenizer" in str(error):  # transformers' long guess at what may be missing
        pieces = sorted(path.name for path in folder.iterdir() if path.suffix in (".model", ".spm"))
        if not pieces:
            return BenchError(f"'{folder}' has no tokenizer that transformers finds.\n{_NO_TOKENIZER}")
        error = ValueError(f"its tokenizer ({', '.join(pieces)}) cannot be read")
        way_out = "Reading it takes sentencepiece: pip install sentencepiece protobuf"
    if "ignore_mismatched_sizes" in str(error):
        error = ValueError("its weights have other shapes than its config.json asks for")
        way_out = "One of the two is another model's: get both again, from one place."
    if type(error).__name__ == "SafetensorError":
        way_out = "Its weights are cut short or damaged: get model.safetensors (or the files of its index) again."
    return BenchError(f"Cannot load the model in '{folder}': {error}\n{way_out}")


def _adapter(config: dict[str, Any], settings: ModelSettings, where: str) -> type[LayeredModel]:
    """The fast adapter of an architecture, else the one of its family, which looks into no weight and so runs
    those that are packed, or elsewhere, too."""
    family = choose_family(config, settings.family, where)
    others: dict[Family, type[LayeredModel]] = {
        "masked": GenericMasked, "causal": GenericCausal, "seq2seq": Seq2SeqModel,
    }  # fmt: skip
    generic = others[family]
    if settings.quantization or settings.device_map is not None or config.get("quantization_config"):
        return generic
    return fast_adapter(config, family) or generic
