"""The shipped checkpoints are what their specs say, read today's text, and know the English facts they were told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import GridSettings, ModelSettings, ProbingSettings
from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.models.shipped import checked_manifest, shipped_folder, shipped_names
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.testbed.specs import SPECS, spec_of
from lrp2_bench.testbed.text import pretraining_text


def folder_of(name: str) -> Path:
    folder = shipped_folder(f"shipped:{name}")
    assert folder is not None
    return folder


def test_every_testbed_model_ships() -> None:
    assert shipped_names() == sorted(SPECS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_checkpoint_is_whole_small_and_made_by_its_spec_from_todays_text(name: str) -> None:
    folder, spec = folder_of(name), spec_of(name)
    manifest = checked_manifest(folder)
    assert manifest["spec"] == json.loads(json.dumps(spec.as_dict()))
    assert manifest["finished"] and manifest["exposure"] == spec.exposure.as_dict()
    sentences = pretraining_text(spec.exposure, spec.glosses, spec.seed)
    assert manifest["text"]["digest"] == sha256_json([[s.language, s.text] for s in sentences])
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10e6
    assert manifest["training"]["seconds"] < 3600


@pytest.mark.parametrize(("name", "least"), [("tiny_mbert", 95.0), ("tiny_bloom", 90.0)])
def test_a_model_knows_the_english_facts_it_was_told(name: str, least: float) -> None:
    settings: Any = ModelSettings(path=f"shipped:{name}")
    model = load_model(find_checkpoint(settings), settings)
    plan, grid, probing = plan_grid(model.blocks, ()), GridSettings(), ProbingSettings()
    hit, asked = 0.0, 0
    for relation in CldrDataset(limit=20).facts("en", "en", DataWarnings()).relations:
        pool = pool_of(relation, pool_size(model, probing), 0)
        probe = build_probe(
            model, relation, pool, relation.name, probing, build_log_partition(model, grid), DataWarnings()
        )
        facts = len(relation.facts)
        hits = evaluate(probe, plan, None, range(facts), limits_for(model, plan, grid), lambda steps=1: None)
        hit, asked = hit + metrics.accuracy(hits)[0] * facts, asked + facts
    assert asked == 160
    assert hit / asked >= least
