"""Everything behind the last block: reached through the model's own forward, measured where it is a plain scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrp2_bench.models.generic.dry_run import DryRun
from lrp2_bench.models.layered import Vocabulary

#: Rows that enter the model again at once.
_ROWS = 4096

#: What configs call a soft cap of logits: Gemma 2 to 4 and VaultGemma, RecurrentGemma.
_CAPS = ("final_logit_softcapping", "logits_soft_cap")

#: Share of the largest logit by which the measured scale may miss any.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Head:
    """``linear`` is the last linear map, ``norm`` the one module before it (None: several, so that states enter the
    model's forward again); logits are ``scale`` times what the map gives, soft-capped at ``cap``."""

    linear: nn.Module
    norm: nn.Module | None
    scale: float
    cap: float | None

    def readout(self, states: Float[Tensor, "*any hidden"], dry: DryRun, token: int) -> Float[Tensor, "*any head"]:
        """From layer L's states to what the linear map is given, times the scale."""
        flat = states.reshape(-1, 1, states.shape[-1])
        if self.norm is not None:
            found: Tensor = self.norm(flat)
        else:
            found = torch.cat([dry.behind(part, token, self.linear) for part in flat.split(_ROWS)])
        found = found.view(*states.shape[:-1], -1)
        return found if self.scale == 1.0 else found * self.scale

    def vocabulary(self) -> Vocabulary:
        bias: Any = getattr(self.linear, "bias", None)
        if bias is not None and self.scale != 1.0:
            bias = bias * self.scale
        weight: Any = self.linear.weight
        return Vocabulary(weight, bias, self.cap)


def learn_head(model: Any, dry: DryRun, sample: tuple[Tensor, Tensor]) -> Head:
    """Watch one forward pass over a ``sample`` (ids, keep). Raises :class:`ValueError` for a head of another kind."""
    linear = model.get_output_embeddings()
    if linear is None or not isinstance(getattr(linear, "weight", None), Tensor):
        raise ValueError("it has no language-modelling head")
    given: list[Tensor] = []
    products: list[Tensor] = []
    last: list[Tensor] = []
    norms: list[nn.Module] = []

    def before_head(module: nn.Module, inputs: Any) -> None:
        given.append(inputs[0])

    def watch(module: nn.Module, inputs: Any, output: Any) -> None:
        if module is linear:
            products.append(output)
        elif module is dry.blocks.modules[-1]:
            last[:] = [output if isinstance(output, Tensor) else output[0]]
        elif last and inputs and isinstance(output, Tensor) and _same(inputs[0], last[0]):
            norms.append(module)
            outputs.append(output)

    outputs: list[Tensor] = []
    handles = [linear.register_forward_pre_hook(before_head)]
    handles += [module.register_forward_hook(watch) for module in model.modules() if module is not model]
    try:
        logits = dry.run(*sample).logits.float()
    finally:
        for handle in handles:
            handle.remove()
    if not torch.isfinite(logits).all():
        raise ValueError("its own forward gives logits that are not finite numbers, as damaged weights do")
    if len(products) != 1:
        raise ValueError(f"its forward pass runs its output embeddings {len(products)} times instead of once")
    norm = next((norm for norm, output in zip(norms, outputs, strict=True) if _same(output, given[0])), None)
    return Head(linear, norm, *_scale_and_cap(products[0].float(), logits, model.config.get_text_config()))


def _same(one: Any, other: Tensor) -> bool:
    return isinstance(one, Tensor) and one.shape == other.shape and torch.equal(one, other)


def _scale_and_cap(products: Tensor, logits: Tensor, config: Any) -> tuple[float, float | None]:
    """What stands between the linear map and the logits: a scale (Cohere, Granite), a soft cap, or both."""
    if products.shape != logits.shape:
        raise ValueError(f"its head gives {products.shape[-1]} numbers a token, its logits are {logits.shape[-1]}")
    cap: float | None = next((value for name in _CAPS if (value := getattr(config, name, None))), None)
    steep = logits if cap is None else cap * torch.atanh((logits / cap).clamp(-0.99, 0.99))
    # Small products say little of the scale, and capped ones nothing.
    telling = (products.abs() >= products.abs().median()) & ((logits.abs() < 0.9 * cap) if cap else True)
    ratios = (steep / products)[telling & (products != 0)]
    scale = float(ratios.median()) if len(ratios) else 1.0
    scale = 1.0 if abs(scale - 1) < _TOLERANCE / 10 else scale
    expected = Vocabulary(products, None, cap).finish(products * scale)
    if not (expected - logits).abs().max() <= _TOLERANCE * logits.abs().max():
        raise ValueError("what it does to logits after its head is neither a scale nor a soft cap")
    return scale, cap
