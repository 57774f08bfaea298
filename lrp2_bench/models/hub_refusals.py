"""Models that cannot be had as they lie on the hub: gated ones and pickled weights, each with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lrp2_bench.core.errors import BenchError

_CLASSES = {"causal": "AutoModelForCausalLM", "masked": "AutoModelForMaskedLM", "seq2seq": "AutoModelForSeq2SeqLM"}


def access_advice(hub_id: str, error: Exception) -> str:
    """What to do where the hub asks who is asking; empty for any other error. Never shows a token."""
    from huggingface_hub.errors import GatedRepoError

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, GatedRepoError):
        return (
            f"It is gated: accept its terms at https://huggingface.co/{hub_id}, then give a token of that account "
            "(https://huggingface.co/settings/tokens) in the environment as HF_TOKEN.\n"
        )
    if status in (401, 403):
        return (
            f"There is no model of that name, or it is private: then give a token that may read it in the environment "
            f"as HF_TOKEN. Look at https://huggingface.co/{hub_id}.\n"
        )
    return ""


def refuse_pickled(where: str, names: Sequence[str], family: str, revision: str | None = None) -> None:
    """Raise :class:`BenchError`, with a command that converts them, for a model of which ``names`` are all files of
    weights and all are pickled. ``where`` is a folder or hub id."""
    pickled = sorted(name for name in names if Path(name).suffix == ".bin")
    if not pickled or any(name.endswith(".safetensors") for name in names):
        return
    shown = ", ".join(pickled[:5]) + (", ..." if len(pickled) > 5 else "")
    raise BenchError(
        f"'{where}' has no weights in safetensors. It has {shown}, but pickled weights are never loaded.\n"
        "Convert it once, on a machine and from a source that you trust (only tensors are unpickled), and give "
        f"model.path=CONVERTED:\n{conversion(where, family, revision)}"
    )


def conversion(where: str, family: str, revision: str | None = None) -> str:
    """A shell command that writes the model and its tokenizer to the folder CONVERTED."""
    at = f", revision={revision!r}" if revision else ""
    return (
        f'python -c "from transformers import {_CLASSES[family]} as Model, AutoTokenizer as Tokenizer; '
        f"Model.from_pretrained({where!r}{at}, use_safetensors=False, weights_only=True).save_pretrained('CONVERTED'); "
        f"Tokenizer.from_pretrained({where!r}{at}).save_pretrained('CONVERTED')\""
    )
