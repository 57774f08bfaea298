"""What an architecture with a fast adapter must say; one record, in the adapter's file, implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lrp2_bench.models.layered import Family, LayeredModel


class Architecture:
    """One of Hugging Face's architectures. ``name`` is the ``model_type`` of its config.json.

    The generic adapter runs all others and needs no record. Paths are those of modules in the Hugging Face model.
    """

    name: ClassVar[str]
    #: What runs it. Where ``adapter.runs`` declines, or another family is asked for, the generic adapter does.
    adapter: ClassVar[type[LayeredModel]]
    #: The list of its blocks, such as ``bert.encoder.layer``.
    blocks: ClassVar[str]
    #: Within a block, the linear map that reads the feed-forward's neurons, such as ``output.dense``; the adapter gives
    #: it ``[row, token, neuron]``.
    second_map: ClassVar[str]
    #: The end of the name of its input embeddings among the weights in files, such as ``word_embeddings.weight``.
    embeddings: ClassVar[str]
    #: Sizes of a small configuration for the contract tests, beside those that nearly all configurations call alike
    #: (four blocks of width 32, four heads, 64 positions, a feed-forward of 128).
    small: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def family(cls) -> Family:
        """The adapter's."""
        return cls.adapter.family
