"""Where a model's files lie: a folder, a GGUF file, or the hub's cache, which is filled on the first use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lrp2_bench.core.errors import BenchError, UnknownNameError, nearest
from lrp2_bench.core.files import require_reachable
from lrp2_bench.models.gguf_files import SUFFIX as GGUF
from lrp2_bench.models.gguf_files import choose, is_gguf
from lrp2_bench.models.hub_refusals import access_advice
from lrp2_bench.models.shipped import shipped_folder

Judge = Callable[[Path], object]

#: What decides whether a model is run, and what running it needs beside its weights.
_FIRST = ["config.json", "tokenizer_config.json", "adapter_config.json"]
_TEXTS = ["*.json", "*.txt", "*.model"]
LOCAL_HINT = (
    "Pass a local folder with model.path=DIR (config.json, model.safetensors and the tokenizer's files), or a GGUF "
    "file with model.path=FILE.gguf."
)


def locate(path: str, revision: str | None, judge: Judge) -> tuple[Path, str | None, list[str]]:
    """A folder or a GGUF file, its commit, and the names of all files of weights that lie there.

    ``judge`` is shown a hub repository's small files first: what it raises keeps the weights from being fetched. Raises
    :class:`BenchError` where there is nothing, and for a hub that cannot be reached or refuses.
    """
    if (shipped := shipped_folder(path)) is not None:
        return shipped, None, []
    local = Path(path).expanduser()
    require_reachable(local, "model.path")
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
        return _snapshot("/".join(named[:2]), revision, judge, named[2])
    if local.is_file():
        raise BenchError(f"'{path}' is a file, and not a GGUF one.\n{LOCAL_HINT}")
    if local.is_absolute() or path.startswith((".", "~")) or path.count("/") > 1 or is_gguf(path):
        siblings = [child.name for child in local.parent.iterdir()] if local.parent.is_dir() else []
        close = nearest(local.name, siblings)
        hint = f" Did you mean '{local.parent / close}'?" if close else ""
        kind = "file" if is_gguf(path) else "folder"
        raise BenchError(f"There is no {kind} '{path}'.{hint}\n{LOCAL_HINT}")
    _require_hub_id(path)
    return _snapshot(path, revision, judge)


def _require_hub_id(path: str) -> None:
    """Raise :class:`BenchError` for what cannot be a repository's name, which the hub need not be asked for."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(path)
    except HFValidationError as error:
        name, at, revision = path.rpartition("@")
        hint = f" A revision is given as model.path={name} model.revision={revision}." if at else ""
        raise BenchError(
            f"There is no folder '{path}', and it is no id of the hub: that is NAME or ORGANISATION/NAME, of letters, "
            f"digits, '-', '_' and '.', and has 96 characters at most.{hint}\n{LOCAL_HINT}"
        ) from error


def _model_in(folder: Path, where: str) -> Path:
    """The folder, or the GGUF file in it where it has no safetensors."""
    if next(folder.glob("*.safetensors"), None) is not None:
        return folder
    files = [*folder.glob("*"), *folder.glob("*/*")]  # repositories may have a folder for each quantisation
    file = choose([str(path.relative_to(folder)) for path in files], where)
    return folder / file if file else folder


def _snapshot(hub_id: str, revision: str | None, judge: Judge, file: str | None = None) -> tuple[Path, str, list[str]]:
    """A model of the hub, of which a GGUF ``file`` may be named, as :func:`locate` gives it."""
    from huggingface_hub import snapshot_download

    names, unreachable = _files_on_hub(hub_id, revision)
    if file is None and not any(name.endswith(".safetensors") for name in names):
        file = choose(names, hub_id)
    offline, commit = unreachable is not None, revision
    try:
        if file is None and not offline:
            first = Path(snapshot_download(hub_id, revision=commit, allow_patterns=_FIRST, local_files_only=offline))
            judge(first)
            commit = first.name  # the same one, whatever is pushed meanwhile
        patterns = [*_TEXTS, file or "*.safetensors"]
        folder = Path(snapshot_download(hub_id, revision=commit, allow_patterns=patterns, local_files_only=offline))
    except BenchError:
        raise
    except Exception as error:  # the hub's errors and its HTTP client's have no base in common
        why = unreachable or error
        reason = str(why).strip().splitlines()[0] if str(why).strip() else type(why).__name__
        at = f" at revision '{revision}'" if revision else ""
        raise BenchError(
            f"Cannot get model '{hub_id}'{at} from the Hugging Face hub: {reason}\n{access_advice(hub_id, why)}"
            f"{_in_cache(hub_id)} {LOCAL_HINT}"
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
