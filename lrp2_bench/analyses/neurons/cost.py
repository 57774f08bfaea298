"""What attributing neurons will cost, before it starts: passes, and seconds by timing a few prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrp2_bench.analyses.neurons.attribution import Method, attribute, batches
from lrp2_bench.grid.cost import ModelShape, block_flops, final_block_flops, log_partition_flops, model_shape
from lrp2_bench.models.devices import clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.answer_prompts import AnswerPrompt

#: Seconds that timing aims at, and the share of the whole it takes at most (but for one prompt).
_SECONDS, _MOST_SHARE = 10.0, 0.1


@dataclass(frozen=True)
class NeuronForecast:
    """``prompts`` x ``blocks`` x ``steps`` forward and backward passes; ``seconds`` from ``timed`` prompts."""

    prompts: int
    blocks: int
    steps: int
    seconds: float
    timed: int

    @property
    def passes(self) -> int:
        return self.prompts * self.blocks * self.steps

    def __str__(self) -> str:
        return (
            f"{self.prompts:,} prompts x {self.blocks} blocks x {self.steps} steps = {self.passes:,} forward and "
            f"backward passes, about {_clock(self.seconds)} (timed on {self.timed})"
        )


def forecast(model: LayeredModel, prompts: Sequence[AnswerPrompt], method: Method) -> NeuronForecast:
    """Runs batches from the middle of the lengths on for some seconds; what they find is thrown away."""
    if not prompts:
        return NeuronForecast(0, model.blocks, method.steps, 0.0, 0)
    shape = model_shape(model)
    costs = [_flops(model, shape, prompt) for prompt in prompts]
    total = sum(costs)
    warm = min(range(len(prompts)), key=lambda place: costs[place])
    _time(model, [prompts[warm]], Method(1, method.rule, method.batch_tokens))  # the first of anything is slow
    order = list(batches(prompts, method))
    left = sorted(range(len(order)), key=lambda number: abs(2 * number - len(order) + 1))
    done = seconds = 0.0
    timed = 0
    for number in left:
        chosen = order[number]
        if timed:
            # The rate of what has run says how much more may.
            budget = min(_SECONDS, _MOST_SHARE * total * seconds / done) - seconds
            chosen = chosen[: int(budget / seconds * timed)]
        else:
            chosen = chosen[: max(1, len(prompts) // 10)]
        if not chosen:
            break
        seconds += _time(model, [prompts[place] for place in chosen], method)
        done += sum(costs[place] for place in chosen)
        timed += len(chosen)
    return NeuronForecast(len(prompts), model.blocks, method.steps, total / done * seconds, timed)


def _flops(model: LayeredModel, shape: ModelShape, prompt: AnswerPrompt) -> float:
    """Operations of one step forward in every block: rates of prompts of different lengths compare by them."""
    tokens, scored, last = len(prompt.ids), len(prompt.positions), shape.blocks
    final = final_block_flops(shape, tokens, scored)
    later = block_flops(shape, tokens) if model.family == "masked" else final
    between = max(0, (last - 1) * (last - 2) // 2)  # blocks k+1 .. L-1 over all k
    return last * log_partition_flops(shape, scored) + (last - 1) * final + between * later


def _time(model: LayeredModel, prompts: Sequence[AnswerPrompt], method: Method) -> float:
    start = clock(model.device)
    for batch in attribute(model, prompts, None, None, method):
        batch.values.cpu()  # waits for a device
    return clock(model.device) - start


def _clock(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
