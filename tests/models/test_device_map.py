"""Blocks on several devices, in memory and on disk: the same hits, and maps that cannot be are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Precision
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models import device_map, memory
from lrp2_bench.models.layered import LayeredModel
from tests.models.generic.test_check import _blocks_swapped
from tests.support.families import load_generic
from tests.support.loading import load_as
from tests.support.probing import hits_of, probe_of

Folder = Callable[[str], Path]

SPREAD = {"rest": "cpu", "model.layers.1": "disk", "model.layers.3": "disk"}


@pytest.fixture
def accelerate() -> None:
    pytest.importorskip("accelerate", reason="the extra 'large' is not installed")


def _hits(model: LayeredModel, toy_mlama: Path) -> Any:
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    moved = 20 * torch.randn(model.blocks + 1, model.hidden_size, generator=torch.Generator().manual_seed(1))
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    return hits_of(probe_of(model, relation), len(relation.facts), plan, moved)


def _on_disk(model: LayeredModel) -> set[str]:
    return {name.split(".")[2] for name, weight in model.model.named_parameters() if weight.is_meta}


@pytest.mark.usefixtures("accelerate")
@pytest.mark.parametrize(("family", "precision"), [
    ("llama", Precision.float32), ("llama", Precision.bfloat16), ("mixtral", Precision.bfloat16),
])  # fmt: skip
def test_blocks_on_disk_give_the_hits_of_blocks_in_memory(
    family: str, precision: Precision, family_folder: Folder, toy_mlama: Path
) -> None:
    whole = load_generic(family_folder(family), precision=precision)
    spread = load_as(family_folder(family), precision=precision, device_map=SPREAD)
    assert _on_disk(spread) == {"1", "3"} and spread.precision == precision.value
    assert (_hits(spread, toy_mlama) == _hits(whole, toy_mlama)).all()
    assert _on_disk(spread) == {"1", "3"}, "they are fetched when they run, and not kept"
    batch = whole.batch([[5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.equal(whole.model(batch.ids).logits, spread.model(batch.ids).logits)


@pytest.mark.usefixtures("accelerate")
def test_blocks_go_to_disk_where_memory_is_short_and_all_stay_where_it_is_not(
    family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _on_disk(load_as(family_folder("llama"), device_map="auto"))
    for module in (memory, device_map):
        monkeypatch.setattr(module, "free_bytes", lambda device: 300_000)
    spread = load_as(family_folder("llama"), device_map="auto")
    assert _on_disk(spread) == {"2", "3"}
    batch = spread.batch([[5, 6, 7, 8]])
    assert spread.block(3, spread.embed(batch), spread.context(batch)).device == spread.device


@pytest.mark.usefixtures("accelerate")
def test_a_spread_model_that_is_run_wrongly_is_found(family_folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    _blocks_swapped(monkeypatch)
    with pytest.raises(BenchError, match="after block 1"):
        load_as(family_folder("llama"), device_map=SPREAD)


@pytest.mark.usefixtures("accelerate")
@pytest.mark.parametrize(("asked", "told"), [
    ({"": "cuda:7"}, "names the device 'cuda:7', which is not here. Here: cpu, disk"),
    ({"": 7}, "names the device '7', which is not here"),
    ({"": "tpu"}, "names the device 'tpu', which is not here"),
    ({"": "cpu", "model.layer.1": "disk"}, "names a module 'model.layer.1', .*Did you mean 'model.layers.1'"),
    ({"model.layers": "cpu"}, "says nothing of 'model.embed_tokens'"),
    ({"model": "cpu"}, "says nothing of 'lm_head'"),
    ({"": "disk"}, "embeddings, final norm and head together on one device, which is not the disk"),
    ({"": "cpu", "model.norm": "disk"}, r"together on one device.*model.norm on disk"),
    ({"": "cpu", "model.layers.1.mlp": "disk"}, "takes a block apart"),
    ("model.layers.1:disk", "(?s)is no map of devices.*put the whole argument in single quotes"),
    ("balanced", "is no map of devices. model.device_map is null"),
    (0, "is no map of devices"),
])  # fmt: skip
def test_a_map_that_cannot_be_is_refused_before_anything_is_read(
    asked: Any, told: str, family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.models.weights._halved_as_read", lambda dtype: pytest.fail("weights are read"))
    with pytest.raises(BenchError, match=f"(?s){told}"):
        load_as(family_folder("llama"), device_map=asked)


def test_without_accelerate_the_command_that_installs_it_is_told(
    family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_map, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"(?s)device_map needs accelerate.*pip install bitsandbytes accelerate"):
        load_as(family_folder("llama"), device_map="auto")
