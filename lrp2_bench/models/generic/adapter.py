"""The generic adapter: see the package."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lrp2_bench.models.generic.blocks import Blocks, find_blocks
from lrp2_bench.models.generic.check import TOLERANCE, Parity, check
from lrp2_bench.models.generic.context import GenericContext
from lrp2_bench.models.generic.dry_run import Call, DryRun
from lrp2_bench.models.generic.feed_forward import find_second_maps
from lrp2_bench.models.generic.head import learn_head
from lrp2_bench.models.generic.last_block import run_at
from lrp2_bench.models.generic.visibility import at_depths, learn_roles
from lrp2_bench.models.half import float32_products
from lrp2_bench.models.layered import Family, LayeredModel, TokenBatch, Vocabulary, take

log = logging.getLogger(__name__)

#: Rows and tokens of the two sentences that show which dimensions of a tensor count which.
_SIZES = ((2, 11), (3, 13))

#: What configs call the longest sequence: nearly all, MPT.
_LENGTHS = ("max_position_embeddings", "max_seq_len")

#: Shortest sentence that masks are written down for.
_LEAST_DEPTH = 16


class GenericModel(LayeredModel):
    """Raises :class:`ValueError`, saying what differs, for a model that it does not run exactly."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model, tokenizer)
        self._dry = DryRun(model, positions=self.family == "causal")
        self._packs, self.last_at_positions = True, False
        self._table: tuple[int, list[Call]] | None = None  # what blocks are called with over the longest sentence yet
        try:
            # Whatever matrices are rounded to is multiplied in float32 here, so that nothing but mistakes differs.
            with torch.no_grad(), float32_products():
                self._learn()
                self.parity = check(self, self)
                self._assess(self.parity)
        except ValueError as error:
            raise _refused(model, str(error)) from error
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError) as error:
            # Whatever a block does that is called as its own model does not call it.
            raise _refused(model, f"its blocks cannot be run one by one ({type(error).__name__}: {error})") from error

    def _learn(self) -> None:
        sample = torch.arange(5, 8, device=self.device).clamp(max=self.vocab_size - 1).unsqueeze(0)
        keep = torch.ones_like(sample, dtype=torch.bool)
        self._dry.blocks = find_blocks(self.model, self.blocks, lambda: self._dry.run(sample, keep))
        if min(self._dry.blocks.outputs) < 0:
            raise ValueError("its blocks do not give back their hidden states first")
        self._head = learn_head(self.model, self._dry, (sample, keep))
        one, other = (self._calls_over_plain(*size) for size in _SIZES)
        self._roles = learn_roles(one, other, _SIZES)

    def _assess(self, parity: Parity) -> None:
        name = type(self.model).__name__
        if not parity.plain.passes:
            raise ValueError(
                f"run block by block, it differs from its own forward by {parity.plain.size:.2g} of the spread, first "
                f"{parity.plain.place} (allowed: {TOLERANCE:.0e})"
            )
        self._packs = parity.packed is not None and parity.packed.passes
        self.last_at_positions = self._last_block_agrees()
        if parity.packed is None:
            how = "masked"
        elif self._packs:
            how = f"causal, sentences packed into trees ({parity.packed.size:.1e})"
        else:
            how = f"causal, one row per sentence (in a tree its logits would differ by {parity.packed.size:.2g})"
        last = "at scored positions alone" if self.last_at_positions else "at every position"
        log.info(
            "%s: generic adapter, %s; equals its own forward (%.1e of the spread); last block %s",
            name, how, parity.plain.size, last,
        )  # fmt: skip

    # The engine's interface -------------------------------------------------------------------------------------------
    @property
    def packs(self) -> bool:
        return self._packs

    @property
    def modules(self) -> Blocks:
        """The blocks, as modules of the Hugging Face model."""
        return self._dry.blocks

    @cached_property
    def second_maps(self) -> Sequence[nn.Module]:
        """Each block's map that reads its feed-forward neurons. Raises :class:`ValueError` where there is none."""
        return find_second_maps(self, self.modules)

    def own(self, batch: TokenBatch) -> Any:
        """The model's own forward over plain sentences."""
        return self._dry.run(batch.ids, batch.keep)

    @cached_property  # asked for every sentence
    def max_tokens(self) -> int | None:
        config = self.model.config.get_text_config()
        limit: int | None = next((value for name in _LENGTHS if (value := getattr(config, name, None))), None)
        if limit is None or limit < 0:
            return None
        # Tables of positions with a row for padding count from behind it (RoBERTa, MPNet).
        tables = (module for module in self.model.modules() if isinstance(module, nn.Embedding))
        offsets = [
            table.padding_idx + 1
            for table in tables
            if table.num_embeddings == limit and table.padding_idx is not None and limit != self.vocab_size
        ]
        return limit - max(offsets, default=0)

    def context(self, batch: TokenBatch) -> GenericContext:
        calls = self._dry.calls(batch.ids, batch.keep, batch.positions)
        if self.family == "causal":
            calls = self._with_masks(calls, batch)
        return GenericContext(calls, self._roles)

    def embed(self, batch: TokenBatch) -> Float[Tensor, "row token hidden"]:
        return self._dry.embed(batch.ids, batch.keep, batch.positions)

    def block(
        self, k: int, hidden: Float[Tensor, "row token hidden"], context: GenericContext
    ) -> Float[Tensor, "row token hidden"]:
        args, named = context.call(k).arguments
        output = self._dry.blocks.modules[k - 1](hidden, *args, **named)
        states: Tensor = output[0] if self._dry.blocks.outputs[k - 1] else output
        return states.to(hidden.device)  # the block may lie on another

    def block_at(
        self,
        k: int,
        hidden: Float[Tensor, "row token hidden"],
        context: GenericContext,
        positions: Int[Tensor, "row scored"],
    ) -> Float[Tensor, "row scored hidden"]:
        if self.runs_at(k):
            return run_at(self._dry.blocks.modules[k - 1], k, hidden, context, positions).to(hidden.device)
        return take(self.block(k, hidden, context), positions)

    def runs_at(self, k: int) -> bool:
        return self.last_at_positions and k == self.blocks

    def readout(self, hidden: Float[Tensor, "*any hidden"]) -> Float[Tensor, "*any hidden"]:
        return self._head.readout(hidden, self._dry, self._token)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._head.vocabulary()

    # Masks ------------------------------------------------------------------------------------------------------------
    def _with_masks(self, calls: list[Call], batch: TokenBatch) -> list[Call]:
        """``calls`` with the masks of plain sentences at the batch's depths, joined with what its tree allows."""
        table = self._table_of(int(batch.positions.max()) + 1)
        visible = batch.keep.unsqueeze(1) if batch.visible is None else batch.visible
        # A query that may look nowhere makes some kernels give NaN; padding may look at itself.
        visible = visible | torch.eye(visible.shape[-1], dtype=torch.bool, device=visible.device)
        made: dict[int, Tensor] = {}
        masked = []
        for call, plain, roles in zip(calls, table, self._roles, strict=True):
            leaves = list(call.leaves)
            for place, role in enumerate(roles):
                if role.looks:
                    whole = plain.leaves[place]
                    if id(whole) not in made:
                        made[id(whole)] = at_depths(whole, role, batch.positions, visible)
                    leaves[place] = made[id(whole)]
            masked.append(Call(tuple(leaves), call.nesting))
        return masked

    def _table_of(self, depth: int) -> list[Call]:
        """Each block's call over a plain sentence of ``depth`` tokens or more."""
        if self._table is None or self._table[0] < depth:
            roomy = max(2 * depth, _LEAST_DEPTH)
            length = max(depth, min(roomy, self.max_tokens or roomy))
            self._table = length, self._calls_over_plain(2, length)
        return self._table[1]

    def _calls_over_plain(self, rows: int, length: int) -> list[Call]:
        """Each block's call over plain sentences; the last of them is padded, or models would leave masks out."""
        ids = torch.full((rows, length), self._token, device=self.device)
        keep = torch.ones_like(ids, dtype=torch.bool)
        keep[-1, -1] = False
        return self._dry.calls(ids, keep, torch.arange(length, device=self.device).expand_as(ids))

    @property
    def _token(self) -> int:
        """Any token but padding, whose place some models do not count."""
        return 5 if self.padding != 5 else 6

    def _last_block_agrees(self) -> bool:
        """Whether :func:`run_at` gives what the whole block does."""
        batch = self.batch([[self._token] * 9, [self._token] * 4])
        positions = torch.tensor([[8, 2, 5], [3, 0, 0]], device=self.device)
        states = torch.randn(2, 9, self.hidden_size, generator=torch.Generator().manual_seed(0)).to(self.device)
        context = self.context(batch).select(torch.tensor([0, 1, 0], device=self.device), 9)
        states, positions = states[[0, 1, 0]], positions[[0, 1, 0]]
        with torch.no_grad():
            whole = take(self.block(self.blocks, states, context), positions)
            try:
                some = run_at(self._dry.blocks.modules[-1], self.blocks, states, context, positions).to(self.device)
            except Exception:  # a block that takes no cache, or another kind of one, says so in any way
                return False
            same_shape = some.shape == whole.shape
            return same_shape and bool((some - whole).abs().max() <= TOLERANCE * whole.std())


def _refused(model: Any, reason: str) -> ValueError:
    return ValueError(
        f"the generic adapter does not run {type(model).__name__}: {reason}.\n"
        "Choose a model of another architecture or family; docs/models.md lists those that run."
    )


class GenericCausal(GenericModel):
    """Decoders."""

    family: ClassVar[Family] = "causal"


class GenericMasked(GenericModel):
    """Encoders. Raises :class:`ValueError` for a tokenizer without a mask token."""

    family: ClassVar[Family] = "masked"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        if tokenizer.mask_token_id is None:
            raise ValueError("The tokenizer names no mask token; set mask_token in tokenizer_config.json.")
        super().__init__(model, tokenizer)
