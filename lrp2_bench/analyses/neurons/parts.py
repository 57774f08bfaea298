"""The neurons of one relation in one language and setting: computed once, kept in a small file, read afterwards."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lrp2_bench.analyses.neurons.attribution import Method, attribute
from lrp2_bench.analyses.neurons.compute import Completeness, KnowledgeNeurons, Tally
from lrp2_bench.core.files import atomic_path, sha256_json
from lrp2_bench.core.progress import Advance
from lrp2_bench.core.types import Setting
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.neurons import neuron_count
from lrp2_bench.probing.answer_prompts import AnswerPrompt
from lrp2_bench.render.text import file_stem

log = logging.getLogger(__name__)

_FORMAT = "lrp2_bench knowledge neurons 1"


@dataclass(frozen=True)
class Part:
    """``prompts`` of ``relation`` in ``language``; an ``edit`` where there is a ``pair``, made of ``vectors``."""

    language: str
    relation: str
    pair: Setting
    prompts: Sequence[AnswerPrompt]
    edit: Edit | None = None
    vectors: tuple[str, ...] = ()

    def key(self, model: str, method: Method, per_prompt: int) -> dict[str, Any]:
        """What decides the result; ``model`` is the digest of its files and the type it multiplies in."""
        return {
            "format": _FORMAT,
            "model": model,
            "prompts": sha256_json([[prompt.ids, prompt.positions, prompt.targets] for prompt in self.prompts]),
            "pair": list(self.pair.as_dict().values()) if self.pair else None,
            "vectors": list(self.vectors) if self.pair else [],
            "steps": method.steps,
            "rule": method.rule,
            "per_prompt": per_prompt,
        }


class PartStore:
    """Finished parts below ``folder``, as ``LANGUAGE/RELATION_DIGEST.safetensors``."""

    def __init__(self, folder: Path, model: str, method: Method, per_prompt: int) -> None:
        self._folder, self._model, self._method, self._per_prompt = folder, model, method, per_prompt

    def path(self, part: Part) -> Path:
        digest = sha256_json(part.key(self._model, self._method, self._per_prompt))
        return self._folder / file_stem(part.language) / f"{file_stem(part.relation)}_{digest[:24]}.safetensors"

    def read(self, part: Part) -> KnowledgeNeurons | None:
        """None where the part is not finished; a damaged file is logged and counts as none."""
        path = self.path(part)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                metadata = json.loads(file.metadata()["result"])
                index, prompts, sums = (file.get_tensor(name).numpy() for name in ("index", "prompts", "attribution"))
            found = Completeness(**metadata.pop("completeness"))
            return KnowledgeNeurons(index, prompts, sums, completeness=found, **metadata)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            log.warning("'%s' cannot be read (%s); it is computed again.", path, error)
            return None

    def compute(self, model: LayeredModel, part: Part, advance: Advance) -> KnowledgeNeurons:
        """Attribute, count, keep. ``advance`` gets the prompts done."""
        tally = Tally(model.blocks, neuron_count(model), self._per_prompt)
        for batch in attribute(model, part.prompts, part.pair, part.edit, self._method):
            tally.add(batch)
            advance(len(batch.prompts))
        found = tally.result()
        metadata = {
            "width": found.width,
            "asked": found.asked,
            "probability": found.probability,
            "completeness": asdict(found.completeness),
        }
        tensors = {"index": found.index, "prompts": found.prompts, "attribution": found.attribution}
        with atomic_path(self.path(part)) as temporary:
            save_file(
                {name: torch.from_numpy(values) for name, values in tensors.items()},
                temporary,
                metadata={"result": json.dumps(metadata)},
            )
        return found
