"""From a folder or hub id to an adapter: nothing fetched is executed, weights are safetensors only."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.core.errors import BenchError, UnknownNameError, nearest
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ModelFamily, ModelSettings, Precision
from lrp2_bench.models.architecture import choose_family
from lrp2_bench.models.checkpoint_files import digests_of
from lrp2_bench.models.exact_products import require_exact_products
from lrp2_bench.models.generic.adapter import GenericCausal, GenericMasked
from lrp2_bench.models.generic.support import headless_hint
from lrp2_bench.models.gguf import convert
from lrp2_bench.models.gguf_files import SUFFIX as GGUF
from lrp2_bench.models.gguf_files import choose, is_gguf
from lrp2_bench.models.half import halve
from lrp2_bench.models.hub_refusals import access_advice, refuse_pickled
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.registry import fast_adapter
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.models.shipped import PREFIX, checked_manifest, is_ours, shipped_folder
from lrp2_bench.models.unhandled import merging, read_json, refuse_adapter, refuse_unhandled

log = logging.getLogger(__name__)

#: From 2 on docstrings are left out; transformers makes its models' documentation from them as they are loaded.
_OPTIMIZE = sys.flags.optimize

_TEXTS = ["*.json", "*.txt", "*.model"]
_LOCAL_HINT = (
    "Pass a local folder with model.path=DIR (config.json, model.safetensors and the tokenizer's files), or a GGUF "
    "file with model.path=FILE.gguf."
)


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
    folder, revision, weights = _folder(settings.path, settings.revision)
    converted = convert(folder, Path(settings.cache).expanduser()) if folder.is_file() else None
    folder = converted.folder if converted else folder
    if settings.path.startswith(PREFIX) or is_ours(folder):
        checked_manifest(folder)
    refuse_adapter(folder)
    if not (folder / "config.json").is_file():
        raise BenchError(f"'{folder}' has no config.json, so it is not a Hugging Face model folder.\n{_LOCAL_HINT}")
    config = read_json(folder / "config.json")
    refuse_unhandled(folder, config)
    family = choose_family(config, settings.family, str(folder))
    refuse_pickled(settings.path, weights, family, settings.revision)
    digest, former = (converted.digest, converted.digest) if converted else digests_of(folder)
    gguf = converted.record if converted else None
    if family != choose_family(config, ModelFamily.auto, str(folder)):
        # The same weights with other masks give other states and other hits.
        return Checkpoint(folder, revision, sha256_json({"files": digest, "model.family": family}), gguf=gguf)
    return Checkpoint(folder, revision, digest, former if former != digest else None, gguf)


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


def _folder(path: str, revision: str | None) -> tuple[Path, str | None, list[str]]:
    """A folder or a GGUF file, its commit, and the names of all files of weights that lie there."""
    if (shipped := shipped_folder(path)) is not None:
        return shipped, None, []
    local = Path(path).expanduser()
    if local.is_dir():
        return _model_in(local, path), None, [file.name for file in local.iterdir()]
    if local.is_file() and is_gguf(path):
        return local, None, []
    named = path.split("/", 2)
    if (
        is_gguf(path)
        and len(named) == 3
        and all(named)
        and not path.startswith((".", "~"))
        and not local.parent.is_dir()
    ):
        return _snapshot("/".join(named[:2]), revision, named[2])
    if local.is_file():
        raise BenchError(f"'{path}' is a file, and not a GGUF one.\n{_LOCAL_HINT}")
    if local.is_absolute() or path.startswith((".", "~")) or path.count("/") > 1 or is_gguf(path):
        siblings = [child.name for child in local.parent.iterdir()] if local.parent.is_dir() else []
        close = nearest(local.name, siblings)
        hint = f" Did you mean '{local.parent / close}'?" if close else ""
        kind = "file" if is_gguf(path) else "folder"
        raise BenchError(f"There is no {kind} '{path}'.{hint}\n{_LOCAL_HINT}")
    return _snapshot(path, revision)


def _model_in(folder: Path, where: str) -> Path:
    """The folder, or the GGUF file in it where it has no safetensors."""
    if next(folder.glob("*.safetensors"), None) is not None:
        return folder
    files = [*folder.glob("*"), *folder.glob("*/*")]  # repositories may have a folder for each quantisation
    file = choose([str(path.relative_to(folder)) for path in files], where)
    return folder / file if file else folder


def _snapshot(hub_id: str, revision: str | None, file: str | None = None) -> tuple[Path, str, list[str]]:
    """A model of the hub, of which a GGUF ``file`` may be named, as :func:`_folder` gives it."""
    from huggingface_hub import snapshot_download

    names, unreachable = _files_on_hub(hub_id, revision)
    if file is None and not any(name.endswith(".safetensors") for name in names):
        file = choose(names, hub_id)
    try:
        folder = Path(
            snapshot_download(
                hub_id,
                revision=revision,
                allow_patterns=[*_TEXTS, file or "*.safetensors"],
                local_files_only=unreachable is not None,
            )
        )
    except Exception as error:  # the hub's errors and its HTTP client's have no base in common
        why = unreachable or error
        reason = str(why).strip().splitlines()[0] if str(why).strip() else type(why).__name__
        at = f" at revision '{revision}'" if revision else ""
        raise BenchError(
            f"Cannot get model '{hub_id}'{at} from the Hugging Face hub: {reason}\n{access_advice(hub_id, why)}"
            f"{_in_cache(hub_id)} {_LOCAL_HINT}"
        ) from error
    if file and not (folder / file).is_file():
        raise BenchError(_no_such_file(hub_id, file, names))
    return (folder / file if file else _model_in(folder, hub_id)), folder.name, names


def _no_such_file(hub_id: str, file: str, names: Sequence[str]) -> str:
    found = [name for name in names if is_gguf(name)]
    if not names:
        return f"The hub's cache on this machine has '{hub_id}' without '{file}', and the hub cannot be reached."
    return str(UnknownNameError(f"GGUF file of '{hub_id}':", file, found, f"Give model.path={hub_id}/FILE{GGUF}."))


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


def _files_on_hub(hub_id: str, revision: str | None) -> tuple[list[str], Exception | None]:
    """The names of a model's files, and why they are not known where that is so: one bounded question to the hub
    (asked for a commit, snapshot_download alone would retry for half a minute)."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(hub_id, revision=revision, timeout=10)
    except Exception as error:  # as above
        return [], error
    return [sibling.rfilename for sibling in getattr(info, "siblings", None) or ()], None


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
