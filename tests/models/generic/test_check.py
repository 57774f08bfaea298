"""The check at load finds an adapter that is wrong, in whatever way; and says what it found of one that is right."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelFamily
from lrp2_bench.models.generic import adapter, check, head
from lrp2_bench.models.generic.blocks import Blocks
from lrp2_bench.models.generic.context import GenericContext
from lrp2_bench.models.generic.dry_run import DryRun
from lrp2_bench.models.generic.visibility import Role, at_depths
from tests.support.families import EVERY, FAMILIES, build_family, load_generic
from tests.support.loading import load_as

Folder = Callable[[str], Path]


def _windows_ignored(patch: pytest.MonkeyPatch) -> None:
    def without_window(plain: Tensor, role: Role, depths: Tensor, visible: Tensor) -> Tensor:
        open_ = torch.ones(plain.shape[-2:], dtype=torch.bool).tril().expand_as(plain)
        if plain.dtype != torch.bool:
            open_ = torch.where(open_, 0.0, torch.finfo(plain.dtype).min)
        return at_depths(open_, role, depths, visible)

    patch.setattr(adapter, "at_depths", without_window)


def _cap_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(head, "_CAPS", ())


def _scale_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(head, "_scale_and_cap", lambda *_: (1.0, None))


def _embedding_unscaled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DryRun, "embed", lambda self, ids, *_: self.model.get_input_embeddings().weight[ids].detach())


def _first_call_for_all(patch: pytest.MonkeyPatch) -> None:
    whole = GenericContext.call
    patch.setattr(GenericContext, "call", lambda self, k: whole(self, 1))


def _blocks_swapped(patch: pytest.MonkeyPatch) -> None:
    find = adapter.find_blocks

    def swapped(*args: Any) -> Blocks:
        first, second, *others = find(*args).modules
        return Blocks((second, first, *others), find(*args).outputs)

    patch.setattr(adapter, "find_blocks", swapped)


def _padding_seen(patch: pytest.MonkeyPatch) -> None:
    select = Role.select

    def without_masks(self: Role, leaf: Any, *rest: Any) -> Any:
        return (
            torch.zeros_like(select(self, leaf, *rest), dtype=torch.float32)
            if self.looks
            else select(self, leaf, *rest)
        )

    patch.setattr(Role, "select", without_masks)


def _norm_left_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(head.Head, "readout", lambda self, states, *_: states)


@pytest.mark.parametrize(
    ("family", "fault", "told"),
    [
        ("mistral", _windows_ignored, "differs from its own forward by .* after block 1"),
        ("gemma2", _windows_ignored, "differs from its own forward by .* after block 1"),
        ("gemma2", _cap_forgotten, "neither a scale nor a soft cap"),
        ("granite", _scale_forgotten, "at the logits"),
        ("gemma", _embedding_unscaled, "after block 1"),
        ("gemma3", _first_call_for_all, "after block 2"),
        ("llama", _blocks_swapped, "after block 1"),
        ("gpt2", _norm_left_out, "at the logits"),
        ("roberta", _padding_seen, "after block 1, in a padded batch"),
        ("albert", _norm_left_out, "generic adapter does not run|cannot be run one by one|at the logits"),
    ],
)
def test_a_model_that_is_run_wrongly_is_refused_with_where_it_differs(
    family: str, fault: Callable[[pytest.MonkeyPatch], None], told: str, family_folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    fault(monkeypatch)
    with pytest.raises(BenchError, match=f"(?s)Cannot run the model in .*({told}).*docs/models.md") as caught:
        load_generic(family_folder(family))
    assert str(caught.value).count("the generic adapter does not run") == 1


def _places_by_index(patch: pytest.MonkeyPatch) -> None:
    whole = DryRun.run

    def run(self: DryRun, ids: Tensor, keep: Tensor, places: Tensor | None = None) -> Any:
        return whole(self, ids, keep, None if places is None else torch.arange(ids.shape[1]).expand_as(ids))

    patch.setattr(DryRun, "run", run)


def _branches_see_each_other(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adapter, "at_depths", lambda plain, role, depths, visible: at_depths(
        plain, role, depths, torch.ones_like(visible).tril()))  # fmt: skip


def _a_tree_is_no_input(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("tokens must be in order")

    patch.setattr(check, "packed", refuse)


@pytest.mark.parametrize("fault", [_places_by_index, _branches_see_each_other, _a_tree_is_no_input])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_model_that_is_wrong_in_trees_alone_runs_one_row_per_sentence(
    family: str, fault: Callable[[pytest.MonkeyPatch], None], family_folder: Folder, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, "lrp2_bench")
    fault(monkeypatch)
    model = load_generic(family_folder(family))
    assert not model.packs
    assert "one row per sentence" in caplog.text


def test_a_last_block_that_is_wrong_at_some_positions_runs_whole(
    family_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The masks of the first positions instead of the scored ones.
    whole = GenericContext.call_at
    monkeypatch.setattr(GenericContext, "call_at", lambda self, k, places: whole(self, k, torch.zeros_like(places)))
    model = load_generic(family_folder("llama"))
    batch, positions = model.batch([[5, 6, 7, 8]]), torch.tensor([[3, 1]])
    context, hidden = model.context(batch), model.embed(batch)
    with torch.inference_mode():
        expected = model.block(4, hidden, context)[:, [3, 1]]
        assert torch.equal(model.block_at(4, hidden, context, positions), expected)


def test_blocks_that_read_what_earlier_ones_left_behind_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.models.architecture.refuse_unsupported", lambda *_: None)
    build_family(tmp_path, "gemma4", num_kv_shared_layers=2)
    with pytest.raises(BenchError, match="differs from its own forward|cannot be run one by one"):
        load_as(tmp_path)


@pytest.mark.parametrize("config", ["FNetConfig", "ConvBertConfig"])
def test_blocks_that_mix_padding_into_their_tokens_are_found(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {**FAMILIES["bert"].sizes, "conv_kernel_size": 3, "embedding_size": 32}
    monkeypatch.setitem(EVERY, "mixing", replace(FAMILIES["bert"], config=config, sizes=sizes))
    with pytest.raises(BenchError, match=r"differs from its own forward by .* first after block 1, in a padded batch"):
        load_generic(build_family(tmp_path, "mixing"))


@pytest.mark.parametrize("family", ["llama", pytest.param("xlm-roberta", marks=pytest.mark.slow)])
def test_a_model_that_amplifies_rounding_is_right_all_the_same(
    family: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Deep, with attention so sharp that what is rounding in the first block is large in the last."""
    caplog.set_level(logging.INFO, "lrp2_bench")
    build_family(tmp_path, family, num_hidden_layers=40)
    weights = load_file(tmp_path / "model.safetensors")
    for name, weight in weights.items():
        if re.search(r"(q_proj|k_proj|query|key)\.weight", name):
            weight *= 6
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    assert load_generic(tmp_path).packs is (family == "llama")
    (told,) = re.findall(r"equals its own forward \((\S+) of the spread", caplog.text)
    assert float(told) < check.TOLERANCE
    assert "one row per sentence" not in caplog.text


def test_a_model_that_looks_ahead_is_not_run_as_a_causal_one(tmp_path: Path) -> None:
    build_family(tmp_path, "bert-decoder", is_decoder=False)
    with pytest.raises(BenchError, match="tokens see those that come after them"):
        load_as(tmp_path, family=ModelFamily.causal)


def test_weights_that_are_no_numbers_are_told_as_such(tmp_path: Path) -> None:
    build_family(tmp_path, "llama")
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][:] = torch.nan
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BenchError, match="not finite numbers, as damaged weights do"):
        load_as(tmp_path)


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("llama", "causal, sentences packed into trees .*scored positions alone"),
        ("lfm2", "causal, one row per sentence"),
        ("modernbert", "masked; equals its own forward .*at every position"),
    ],
)
def test_the_log_says_how_a_model_runs(
    family: str, told: str, family_folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lrp2_bench")
    load_as(family_folder(family))
    (line,) = [record.getMessage() for record in caplog.records if "generic adapter" in record.getMessage()]
    assert re.search(told, line)
