"""GGUF files as models: dequantised once into a folder of safetensors, which is cached by the file's content.

Converting Gemma 3 270M takes half a minute, most of it the tokenizer; a job that finds the folder starts as with any
other.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder, sha256_json, write_json
from lrp2_bench.core.reading import find_object
from lrp2_bench.models.architecture import families_of
from lrp2_bench.models.checkpoint_files import WEIGHTS
from lrp2_bench.models.gguf_files import refuse_by_name
from lrp2_bench.models.gguf_header import Header, read_header
from lrp2_bench.models.known_digests import known_sha256
from lrp2_bench.models.memory import free_bytes

log = logging.getLogger(__name__)

#: In the converted folder: what it was made of, by what, and the sizes of its files.
RECORD = "gguf.json"
_NEEDED = ("gguf", "accelerate")
_TEMPORARY = ".converting-"
#: Seconds after which nobody is at work on such a folder.
_ABANDONED = 86_400.0


@dataclass(frozen=True)
class Converted:
    """``folder`` is one that transformers loads. ``record`` names the file, its SHA-256 and its quantisation."""

    folder: Path
    record: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The checkpoint's: of the GGUF file alone, so that it is the same wherever it was converted."""
        return sha256_json({"gguf": self.record["sha256"]})


def convert(file: Path, cache: Path) -> Converted:
    """The folder made of ``file`` below ``cache``, made now unless it is there.

    Jobs that convert the same file at once each make a folder; the first to finish puts it in place and all use it.
    Raises :class:`BenchError` for what is no GGUF file of a language model that transformers reads, for a missing
    package and for a cache that cannot be written.
    """
    refuse_by_name(file)
    root = cache / "gguf"
    try:
        sha256 = known_sha256(file, cache)
        # Another version of transformers may convert otherwise.
        place = root / sha256 / f"transformers-{version('transformers')}"
        if not _is_whole(place):
            _require_packages(file)
            header = read_header(file)
            _require_architecture(file, header)
            _require_room(file, header)
            with _temporary(place) as folder:
                _write(file, header, sha256, folder)
                _put(folder, place)
    except OSError as error:
        raise BenchError(
            f"Cannot keep '{file.name}' converted in '{root}': {error}.\n"
            "It takes four bytes a weight. Choose another place with paths.cache=DIR."
        ) from error
    record = {key: value for key, value in find_object(place / RECORD).items() if key != "files"}
    return Converted(place, {**record, "file": file.name})  # by whatever name it was converted first


def _is_whole(folder: Path) -> bool:
    sizes = find_object(folder / RECORD).get("files")
    return isinstance(sizes, dict) and bool(sizes) and sizes == _sizes(folder)


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file() and path.name != RECORD}


def _require_packages(file: Path) -> None:
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise BenchError(
            f"'{file}' is a GGUF file; reading it takes packages that are not installed: {', '.join(lacking)}.\n"
            "pip install gguf accelerate"
        )


def _require_architecture(file: Path, header: Header) -> None:
    known = _architectures()
    if header.architecture not in known:
        raise BenchError(
            f"'{file}' is of architecture '{header.architecture}', which transformers {version('transformers')} does "
            f"not read from GGUF files.\nIt reads as causal language models: {', '.join(sorted(known))}.\n"
            "Use the checkpoint in safetensors that it was made of."
        )


def _require_room(file: Path, header: Header) -> None:
    needed, free = 4 * header.weights, free_bytes(torch.device("cpu"))
    if needed > free:
        raise BenchError(
            f"Converting '{file}' takes {needed:,} bytes ({needed / 2**30:.1f} GiB) of memory or more, four a weight, "
            f"and {free:,} ({free / 2**30:.1f} GiB) are free.\nConvert it where there is more, into a paths.cache that "
            "both machines see, or use the checkpoint in safetensors that it was made of, with "
            "model.precision=bfloat16 or model.quantization=int8."
        )


def _architectures() -> set[str]:
    """Those that the installed transformers reads, by GGUF's names, of models with a causal head."""
    from transformers.integrations.ggml import GGUF_CONFIG_MAPPING

    # By another name in GGUF than as model_type.
    renamed = {"qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe", "gpt_oss": "gpt-oss", "minimax_m2": "minimax-m2"}
    names = {renamed.get(name, name) for name in GGUF_CONFIG_MAPPING if "causal" in families_of(name)}
    with suppress(ImportError):
        from transformers.integrations.gguf.gguf_conversion_mapping import GGUF_ARCHS

        names |= set(GGUF_ARCHS)
    return names


def _write(file: Path, header: Header, sha256: str, folder: Path) -> None:
    """config.json, weights and tokenizer, as if the model had never been quantised."""
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    log.info("Converting %s for transformers, once: this takes a minute for a small model", file)
    if header.scaling:
        log.warning(
            "%s scales its rotary positions (%s), which transformers does not read from GGUF files: its states differ "
            "a little from the original's. Its checkpoint in safetensors has the scaling.", file.name, header.scaling,
        )  # fmt: skip
    given: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    parent = str(file.absolute().parent)
    try:
        with redirect_stderr(io.StringIO()):  # bars of single tensors, also where no terminal is
            tokenizer = AutoTokenizer.from_pretrained(parent, **given)
            causal: Any = AutoModelForCausalLM
            model, loading = causal.from_pretrained(
                parent,
                dtype=torch.float32,
                quantization_config=GgufConfig(dequantize=True),
                output_loading_info=True,
                **given,
            )
    except Exception as error:  # as where any other folder is loaded
        raise BenchError(f"Cannot convert '{file}': {type(error).__name__}: {error}") from error
    if missing := sorted(loading["missing_keys"]):
        raise BenchError(
            f"'{file}' lacks {len(missing)} of the model's weights ({', '.join(missing[:5])}), or transformers does "
            "not find them in it; they would be random numbers.\nUse the checkpoint in safetensors that it was made of."
        )
    config = model.config
    vars(config).pop("quantization_config", None)
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    weights: dict[object, tuple[str, torch.Tensor]] = {}
    for name, tensor in model.state_dict().items():  # tied ones under the first of their names
        weights.setdefault((tensor.data_ptr(), tensor.shape) if tensor.numel() else name, (name, tensor))
    save_file({name: tensor.contiguous() for name, tensor in weights.values()}, folder / WEIGHTS, {"format": "pt"})
    record = {
        "file": file.name,
        "sha256": sha256,
        "architecture": header.architecture,
        "quantisation": header.quantisation,
        "weights": f"dequantised from {', '.join(header.types)} to float32",
        "converted_by": {name: version(name) for name in ("transformers", "gguf")},
        "files": _sizes(folder),
    }
    write_json(folder / RECORD, record)


@contextmanager
def _temporary(place: Path) -> Iterator[Path]:
    """A folder beside ``place``; gone on leaving unless it was put in place. What killed jobs left goes too."""
    make_folder(place.parent)
    for left in place.parent.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):  # somebody else removed it first
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=_TEMPORARY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, place: Path) -> None:
    """``folder`` as ``place``, unless another job was faster; a damaged one there goes."""
    umask = os.umask(0)
    os.umask(umask)
    for path in folder.iterdir():  # safetensors and mkdtemp make theirs private; a cache may be shared by a group
        path.chmod(0o666 & ~umask)
    folder.chmod(0o777 & ~umask)
    if place.is_dir() and not _is_whole(place):
        with suppress(OSError):
            place.rename(folder.with_name(f"{folder.name}.damaged"))
            shutil.rmtree(folder.with_name(f"{folder.name}.damaged"), ignore_errors=True)
    try:
        folder.rename(place)
    except OSError:
        if not _is_whole(place):
            raise
