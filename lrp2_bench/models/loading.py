"""From a folder or hub id to an adapter: nothing fetched is executed, weights are safetensors only."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ModelFamily, ModelSettings
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.checkpoint_files import digests_of
from lrp2_bench.models.devices import choose_device, require_precision
from lrp2_bench.models.exact_products import require_exact_products
from lrp2_bench.models.generic.adapter import GenericCausal, GenericMasked
from lrp2_bench.models.generic.support import headless_hint
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.quantised import quantisation
from lrp2_bench.models.registry import fast_adapter
from lrp2_bench.models.shipped import PREFIX, checked_manifest, is_ours, shipped_folder
from lrp2_bench.models.unhandled import merging, read_json, refuse_adapter, refuse_unhandled
from lrp2_bench.models.weights import load_weights

log = logging.getLogger(__name__)

#: From 2 on docstrings are left out; transformers makes its models' documentation from them as they are loaded.
_OPTIMIZE = sys.flags.optimize

#: What decides whether a model is run, and all that running it needs.
_FIRST = ["config.json", "tokenizer_config.json", "adapter_config.json"]
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
_LOCAL_HINT = "Pass a local folder with model.path=DIR (config.json, model.safetensors and the tokenizer's files)."


@dataclass(frozen=True)
class Checkpoint:
    """A model's files on this machine. ``digest`` covers config, weights and tokenizer, by content, and the family
    where another than the architecture's own is asked for.

    ``other_digest`` is the one by the rule of earlier versions, which covered more files, where that is another.
    """

    folder: Path
    revision: str | None
    digest: str
    other_digest: str | None = None

    def known_as(self, digest: object) -> Checkpoint:
        """The checkpoint under ``digest`` where that is its own by the other rule, so that folders and vectors made
        under that rule go on under it; itself for anything else."""
        if self.other_digest is None or digest != self.other_digest:
            return self
        return replace(self, digest=self.other_digest, other_digest=self.digest)


def find_checkpoint(settings: ModelSettings) -> Checkpoint:
    """The local folder ``settings.path`` names, or the hub's snapshot of it (downloaded once, then cached).

    A checkpoint made by `lrp2-bench pretrain` is checked against its manifest's digests.
    """
    if _OPTIMIZE > 1:
        raise BenchError("Python runs without docstrings (-OO, PYTHONOPTIMIZE=2), which transformers needs: use -O.")
    folder, revision = _folder(settings.path, settings.revision, lambda folder: _judged(folder, settings))
    if settings.path.startswith(PREFIX) or is_ours(folder):
        checked_manifest(folder)
    config, family = _judged(folder, settings)
    digest, former = digests_of(folder, Path(settings.cache).expanduser())
    if family != choose_family(config, ModelFamily.auto, str(folder)):
        # The same weights with other masks give other states and other hits.
        return Checkpoint(folder, revision, sha256_json({"files": digest, "model.family": family}))
    return Checkpoint(folder, revision, digest, former if former != digest else None)


def _judged(folder: Path, settings: ModelSettings) -> tuple[dict[str, Any], Family]:
    """The configuration in ``folder`` and its family. Raises :class:`BenchError` for what will not be run, by its small
    files alone."""
    refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise BenchError(f"'{folder}' has no config.json, so it is not a Hugging Face model folder.\n{_LOCAL_HINT}")
    config = read_json(folder / "config.json")
    refuse_unhandled(folder, config)
    quantisation(config, settings.quantization, str(folder))
    return config, choose_family(config, settings.family, str(folder))


def load_model(checkpoint: Checkpoint, settings: ModelSettings) -> LayeredModel:
    """The adapter of a checkpoint, in evaluation mode, on ``settings.device`` in ``settings.precision``."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    config = read_json(checkpoint.folder / "config.json")
    adapter = _adapter(config, settings, str(checkpoint.folder))
    device = choose_device(settings.device)
    require_exact_products(device)
    require_precision(device, settings.precision)
    # Absolute, because transformers takes a relative path for a hub id where it looks like one of a few it knows.
    folder = checkpoint.folder.absolute()
    family: Any = AutoModelForCausalLM if adapter.family == "causal" else AutoModelForMaskedLM
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, loading = load_weights(family, folder, config, settings, device)
    except BenchError:
        raise
    except Exception as error:  # transformers raises anything from OSError to SafetensorError on damaged folders
        raise BenchError(f"Cannot load the model in '{checkpoint.folder}': {error}\n{_LOCAL_HINT}") from error
    if missing := sorted(loading["missing_keys"]):
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise BenchError(
            f"'{checkpoint.folder}' lacks {len(missing)} of the model's weights ({shown}); transformers would fill "
            f"them with random numbers. Use a checkpoint saved with its language-modelling head.{headless_hint(config)}"
        )
    if adapted := sorted(name for name in loading["unexpected_keys"] if ".lora_" in name):
        raise BenchError(
            f"'{checkpoint.folder}' has an adapter among its weights ({adapted[0]}, ...), and adapters are not "
            f"applied.\n{merging('BASE', 'ADAPTER')}"
        )
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise BenchError(
            f"'{checkpoint.folder}' has no tokenizer: transformers found no vocabulary and made up an empty one.\n"
            "Save the model's own there with tokenizer.save_pretrained(DIR), which writes tokenizer.json."
        )
    try:
        return adapter(model, tokenizer)
    except ValueError as error:
        raise BenchError(f"Cannot run the model in '{checkpoint.folder}': {error}") from error


def _adapter(config: dict[str, Any], settings: ModelSettings, where: str) -> type[LayeredModel]:
    """The fast adapter of an architecture, else the generic one of its family, which looks into no weight and so runs
    those that are packed, or elsewhere, too."""
    family = choose_family(config, settings.family, where)
    generic = GenericCausal if family == "causal" else GenericMasked
    if settings.quantization or settings.device_map is not None or config.get("quantization_config"):
        return generic
    return fast_adapter(config, family) or generic


def _folder(path: str, revision: str | None, judge: Callable[[Path], object]) -> tuple[Path, str | None]:
    if (shipped := shipped_folder(path)) is not None:
        return shipped, None
    local = Path(path).expanduser()
    if local.is_dir():
        return local, None
    if local.is_absolute() or path.startswith((".", "~")) or path.count("/") > 1:
        siblings = [child.name for child in local.parent.iterdir()] if local.parent.is_dir() else []
        close = nearest(local.name, siblings)
        hint = f" Did you mean '{local.parent / close}'?" if close else ""
        raise BenchError(f"There is no folder '{path}'.{hint}\n{_LOCAL_HINT}")
    return _snapshot(path, revision, judge)


def _snapshot(hub_id: str, revision: str | None, judge: Callable[[Path], object]) -> tuple[Path, str]:
    """The cached folder of a hub id, and its commit. ``judge`` is shown its small files first: what it raises keeps the
    weights from being fetched."""
    from huggingface_hub import snapshot_download

    unreachable = _why_unreachable(hub_id, revision)
    try:
        for files in (_FIRST, _FILES):
            folder = Path(
                snapshot_download(
                    hub_id, revision=revision, allow_patterns=files, local_files_only=unreachable is not None
                )
            )
            if files is _FIRST:
                judge(folder)
                revision = folder.name  # the same commit, whatever is pushed meanwhile
    except BenchError:
        raise
    except Exception as error:  # the hub's errors and its HTTP client's have no base in common
        why = unreachable or error
        reason = str(why).strip().splitlines()[0] if str(why).strip() else type(why).__name__
        at = f" at revision '{revision}'" if revision else ""
        raise BenchError(
            f"Cannot get model '{hub_id}'{at} from the Hugging Face hub: {reason}\n{_in_cache(hub_id)} {_LOCAL_HINT}"
        ) from error
    return folder, folder.name


def _in_cache(hub_id: str) -> str:
    """What the hub's cache on this machine has of a model that was asked for in vain, and how to use it."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    snapshots = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=hub_id, repo_type="model") / "snapshots"
    commits = sorted(path.name for path in snapshots.iterdir() if path.is_dir()) if snapshots.is_dir() else []
    if not commits:
        return "It is neither a folder here nor in the hub's cache on this machine."
    return (
        "The hub's cache on this machine has it at other revisions, or does not say which commit the revision is: give "
        f"model.revision={commits[0]}" + "".join(f" or {commit}" for commit in commits[1:]) + "."
    )


def _why_unreachable(hub_id: str, revision: str | None) -> Exception | None:
    """One bounded question to the hub: asked for a commit, snapshot_download alone would retry for half a minute."""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(hub_id, revision=revision, timeout=10)
    except Exception as error:  # as above
        return error
    return None
