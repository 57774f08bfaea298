"""Loading takes little more memory than what is kept: no copy in float32 on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.support.families import build_family
from tests.support.loading import edit


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory")
@pytest.mark.parametrize(
    ("stored", "precision"), [("bfloat16", "bfloat16"), ("bfloat16", "float16"), ("float32", "bfloat16")]
)
def test_a_half_precision_model_peaks_below_a_third_above_its_weights(
    stored: str, precision: str, tmp_path: Path
) -> None:
    """Large enough that what the check takes beside the weights, a few matrices in float32, is little of it."""
    folder = build_family(
        tmp_path, "llama", hidden_size=768, num_hidden_layers=30, num_attention_heads=12, num_key_value_heads=4,
        head_dim=64, intermediate_size=3072,
    )  # fmt: skip
    if stored == "bfloat16":
        weights = {name: weight.bfloat16() for name, weight in load_file(folder / "model.safetensors").items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        edit(folder / "config.json", dtype="bfloat16")
        del weights
    command = [sys.executable, "-m", "tests.support.load_memory", str(folder), precision]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["kept"] > 4e8
    assert found["peak"] < 1.3 * found["kept"]
