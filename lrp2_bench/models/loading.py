"""From a folder or hub id to an adapter: nothing fetched is executed, weights are safetensors only."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ModelFamily, ModelSettings, Precision
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.checkpoint_files import digests_of
from lrp2_bench.models.exact_products import require_exact_products
from lrp2_bench.models.generic.adapter import GenericCausal, GenericMasked
from lrp2_bench.models.generic.support import headless_hint
from lrp2_bench.models.half import halve
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.registry import fast_adapter
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.models.shipped import PREFIX, checked_manifest, is_ours, shipped_folder
from lrp2_bench.models.unhandled import merging, read_json, refuse_adapter, refuse_unhandled

log = logging.getLogger(__name__)

#: From 2 on docstrings are left out; transformers makes its models' documentation from them as they are loaded.
_OPTIMIZE = sys.flags.optimize

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
    folder, revision = _folder(settings.path, settings.revision)
    if settings.path.startswith(PREFIX) or is_ours(folder):
        checked_manifest(folder)
    refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise BenchError(f"'{folder}' has no config.json, so it is not a Hugging Face model folder.\n{_LOCAL_HINT}")
    config = read_json(folder / "config.json")
    refuse_unhandled(folder, config)
    family = choose_family(config, settings.family, str(folder))
    digest, former = digests_of(folder)
    if family != choose_family(config, ModelFamily.auto, str(folder)):
        # The same weights with other masks give other states and other hits.
        return Checkpoint(folder, revision, sha256_json({"files": digest, "model.family": family}))
    return Checkpoint(folder, revision, digest, former if former != digest else None)


def load_model(checkpoint: Checkpoint, settings: ModelSettings) -> LayeredModel:
    """The adapter of a checkpoint, in evaluation mode, on ``settings.device`` in ``settings.precision``."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    config = read_json(checkpoint.folder / "config.json")
    adapter = _adapter(config, settings, str(checkpoint.folder))
    device = choose_device(settings.device)
    require_exact_products(device)
    # Absolute, because transformers takes a relative path for a hub id where it looks like one of a few it knows.
    folder = checkpoint.folder.absolute()
    classes: dict[Family, Any] = {
        "masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM, "seq2seq": AutoModelForSeq2SeqLM,
    }  # fmt: skip
    family = classes[adapter.family]
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, loading = family.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
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
        layered = adapter(model.to(device), tokenizer)
    except ValueError as error:
        raise BenchError(f"Cannot run the model in '{checkpoint.folder}': {error}") from error
    if settings.precision is not Precision.float32:
        halve(model, getattr(torch, settings.precision.value))  # the adapter was checked in float32
    return layered


def _adapter(config: dict[str, Any], settings: ModelSettings, where: str) -> type[LayeredModel]:
    """The fast adapter of an architecture, else the one of its family."""
    family = choose_family(config, settings.family, where)
    others: dict[Family, type[LayeredModel]] = {
        "masked": GenericMasked, "causal": GenericCausal, "seq2seq": Seq2SeqModel,
    }  # fmt: skip
    return fast_adapter(config, family) or others[family]


def _folder(path: str, revision: str | None) -> tuple[Path, str | None]:
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
    return _snapshot(path, revision)


def _snapshot(hub_id: str, revision: str | None) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download

    unreachable = _why_unreachable(hub_id, revision)
    try:
        folder = Path(
            snapshot_download(
                hub_id, revision=revision, allow_patterns=_FILES, local_files_only=unreachable is not None
            )
        )
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


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one. Raises :class:`BenchError` for a device that is not here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BenchError(f"Unknown device '{name}'. Use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BenchError(f"model.device={name}, but PyTorch sees no CUDA device here. Use model.device=cpu.")
    return device
