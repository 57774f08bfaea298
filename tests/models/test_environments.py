"""One folder in two environments: the same digest and the same scores, or the same refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models import exact_products
from lrp2_bench.models.exact_products import product_error, require_exact_products
from tests.support.loading import load_as
from tests.support.paths import REPOSITORY
from tests.support.scores import scores_of

# What may be installed beside us, and what may be set; each of them is looked at by transformers or PyTorch.
PACKAGES = ("peft", "bitsandbytes", "flash_attn")
SWITCHES = {
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1", "USE_HUB_KERNELS": "NO", "TRANSFORMERS_SDPA_FORCE_GQA": "1",
    "TRANSFORMERS_DISABLE_DEEPGEMM_LINEAR": "1", "HF_DEACTIVATE_ASYNC_LOAD": "1", "HF_HUB_OFFLINE": "1",
    "XLA_USE_BF16": "1", "XLA_DOWNCAST_BF16": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "RANK": "1",
    "ACCELERATE_USE_FSDP": "1", "FSDP_CPU_RAM_EFFICIENT_LOADING": "1", "DISABLE_SAFETENSORS_CONVERSION": "1",
    "FLASH_ATTENTION_DETERMINISTIC": "1", "TRANSFORMERS_VERBOSITY": "error", "USE_TORCH_XLA": "0",
    "ACCELERATE_MIXED_PRECISION": "bf16", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip

ELSEWHERE = "import json, sys; from tests.support.scores import scores_of; print(json.dumps(scores_of(sys.argv[1:])))"


@pytest.mark.system
def test_packages_and_switches_change_neither_digest_nor_scores_nor_what_is_refused(
    model_folder: Callable[[str], Path], bert_copy: Path, tmp_path: Path
) -> None:
    (bert_copy / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "b"}))
    folders = [model_folder("bert"), model_folder("bloom"), bert_copy]
    for name in PACKAGES:
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").write_text("__version__ = '99.0'\n")
        (tmp_path / "site" / f"{name}-99.0.dist-info").mkdir()
        (tmp_path / "site" / f"{name}-99.0.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 99.0\n")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *map(str, folders)],
        cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1", **SWITCHES, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    plain = scores_of(map(str, folders))
    assert json.loads(done.stdout) == plain
    assert [type(one) for one in plain] == [list, list, str]
    assert "holds an adapter of the base model 'b'" in str(plain[2])


def test_loading_has_float32_multiplied_as_such_whatever_was_set(bert_copy: Path) -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        load_as(bert_copy)
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


def test_float32_products_are_told_from_those_of_lower_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cpu")
    require_exact_products(device)
    multiply = torch.Tensor.__matmul__

    def lower(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        # As TF32 has it: ten bits of the factors, sums in float32.
        if a.dtype is torch.float32:
            a, b = ((x.view(torch.int32) & -8192).view(torch.float32) for x in (a, b))
        return multiply(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", lower)
    assert product_error(device) > 10 * exact_products._MOST
    with pytest.raises(BenchError, match="(?s)lower precision.*Unset NVIDIA_TF32_OVERRIDE"):
        require_exact_products(device)


def test_a_relative_path_that_looks_like_a_hub_id_loads_the_same_tokenizer(
    bert_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # transformers loads models of this very name with another tokenizer class.
    (tmp_path / "google").mkdir()
    bert_copy.rename(tmp_path / "google" / "umt5-small")
    monkeypatch.chdir(tmp_path)
    relative, absolute = (load_as(path).tokenizer for path in ("google/umt5-small", tmp_path / "google" / "umt5-small"))
    assert type(relative) is type(absolute)
