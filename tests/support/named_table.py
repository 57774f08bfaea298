"""What docs/models.md says of named models: of their own files in ``conf/model``, and how they were published."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omegaconf import OmegaConf

from lrp2_bench.config.compose import conf_dir

#: How a model is asked, and the type its weights were published in (None: not looked up).
PUBLISHED: dict[str, tuple[str, str | None]] = {
    "gemma3_270m": ("causal", "bfloat16"),
    "gemma3_1b": ("causal", "bfloat16"),
    "qwen3_0_6b": ("causal", "bfloat16"),
    "llama3_2_1b": ("causal", "bfloat16"),
    "aya_expanse_8b": ("causal", "float16"),
    "xglm_564m": ("causal", "float16"),
    "mgpt": ("causal", None),
    "bloom_1b1": ("causal", "float16"),
    "bloomz_560m": ("causal", "float16"),
    "pythia_160m": ("causal", "float16"),
    "eurobert_210m": ("masked", "float32"),
    "mmbert_small": ("masked", "float32"),
    "xlmr_large": ("masked", "float32"),
    "mt5_small": ("encoder-decoder (`seq2seq`)", "float32"),
}

_LICENCE = re.compile(
    r"Apache 2\.0|MIT|BigScience RAIL 1\.0|Gemma's terms of use|Llama 3\.2 Community License|CC BY-NC 4\.0"
)

HEAD = ("model=", "hub id", "blocks", "width", "vocabulary", "licence", "family", "weights published in")

SECTION = """\
## Named models

Beside `mbert`, `xlmr_base`, `bloom_560m` and the models that ship. Their ids, licences and files were looked
up on public pages; the sizes of `qwen3_0_6b`, `llama3_2_1b`, `bloom_1b1`, `pythia_160m`, `xlmr_large` and `mt5_small`
and the width of `gemma3_1b` were not held against a configuration. None of them was downloaded for this table but
Gemma 3 270M, as a GGUF file. Where a licence is marked
*gated*, accept it at `https://huggingface.co/HUB_ID` and set `HF_TOKEN`. `model=NAME model.path=DIR` runs a local
copy under the name. `model.precision=` the type that the weights were published in loses nothing of them; float32
is the yardstick.
"""

LATER = """\

`mt5_small`'s tokenizer takes `pip install '.[sentencepiece]'`.
`mgpt`, and `mmbert_small` perhaps, are repositories of pickled weights alone, which are never loaded: the error has
a command that converts them once. `xglm_564m` and `mt5_small` are such on their main branches, and are asked for at
revisions with safetensors.

## GGUF

`model=hf model.path=FILE.gguf` runs a GGUF file; so does a folder or a hub repository that holds one and no
safetensors, and `model.path=OWNER/NAME/FILE.gguf` one of several. It takes `pip install '.[gguf]'`. The
weights are dequantised to float32 (four bytes each) and the tokenizer is converted, once, into `gguf/` below
`paths.cache`, in a folder by the file's SHA-256 and the version of transformers; delete it to free the space.
Converting and loading Gemma 3 270M took 3.3 GB at its peak; a file whose weights cannot fit is refused first. MODEL
of the run folder is the file's stem, and the manifest names the file's SHA-256 and its quantisation (`Q4_K_M`,
"weights dequantised from ..."). The run's identity holds the file's content alone, so a run goes on where the file
was converted elsewhere. Which architectures are read is up to transformers; others are refused with the list. A
model in several files, an adapter, a projector of images and a vocabulary alone are refused, each with what to do.
Rotary positions that a file scales (Llama 3.1 and later) stay unscaled in transformers, which is told in a warning:
use the checkpoint in safetensors for those.
"""


def rows() -> list[Sequence[str]]:
    """A line of the table for each."""
    return [_row(name, *published) for name, published in PUBLISHED.items()]


def _row(name: str, family: str, type_: str | None) -> Sequence[str]:
    text = (conf_dir() / "model" / f"{name}.yaml").read_text("utf-8")
    comment = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    blocks = re.search(r"(\d+)(?: encoder and \d+ decoder)? blocks of width (\d+), vocabulary ([\d,]+\d)", comment)
    licence = _LICENCE.search(comment)
    assert blocks and licence, name
    gated = ", gated" if "Gated" in comment else ""
    hub_id = str(OmegaConf.create(text).path)
    return (f"`{name}`", f"`{hub_id}`", *blocks.groups(), licence.group() + gated, family, type_ or "not looked up")
