"""Every registered dataset under the one contract: a new one is tested here as soon as it is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lrp2_bench.config.compose import conf_dir
from lrp2_bench.config.extensions import takes
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.registry import DATASETS, SELECTION
from tests.data.dataset_contract import DatasetContract
from tests.support import toy
from tests.support.toy_successors import build_bmlama, build_geomlama, build_klar, build_mpararel
from tests.support.toy_xfactr import build_xfactr


@dataclass(frozen=True)
class Example:
    """What the contract asks a dataset made with ``options`` for."""

    options: dict[str, Any]
    language: str
    relations: tuple[str, str]
    misspelt: tuple[str, str]


#: Ours, with more to them than the contract finds out by itself; others say what they need by ``Dataset.example``.
OURS: dict[str, Callable[[Path], Example]] = {
    "bmlama": lambda folder: Example(
        {"path": build_bmlama(folder)}, "de", ("the_capital_of_x_is_y", "x_is_located_in_y"), ("ger", "de")
    ),
    "cldr": lambda _: Example({}, "cy", ("P30", "P36"), ("Welsh", "cy")),
    "geomlama": lambda folder: Example(
        {"path": build_geomlama(folder)}, "de",
        ("people_usually_keep_y_when_driving_in_x", "the_staple_food_in_x_is_y"), ("ger", "de"),
    ),
    "klar": lambda folder: Example({"path": build_klar(folder)}, "de", ("P30", "P36"), ("ger", "de")),
    "mlama": lambda folder: Example({"path": toy.build_mlama(folder / "toy")}, "de", ("P30", "P36"), ("ger", "de")),
    "mpararel": lambda folder: Example({"path": build_mpararel(folder)}, "de", ("P30", "P36"), ("ger", "de")),
    "xfactr": lambda folder: Example(
        {"path": build_xfactr(folder, genders=True)}, "fr", ("P19", "P36"), ("French", "fr")
    ),
}  # fmt: skip


def found_out(made: type[Dataset], folder: Path) -> Example:
    """From the class alone."""
    options = made.example(folder)
    dataset = made(**options)
    language = next(code for code in dataset.languages() if code != "en")
    relations = [relation.name for relation in dataset.facts(language, "en", DataWarnings()).relations]
    assert len(relations) >= 2, f"the example of {made.__name__} has fewer than two relations"
    return Example(options, language, (relations[0], relations[1]), (f"{language}_", language))


class TestRegistered(DatasetContract):
    @pytest.fixture(params=DATASETS.names())
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def options(self, name: str, tmp_path: Path) -> dict[str, Any]:
        example = OURS[name](tmp_path) if name in OURS else found_out(DATASETS.get(name), tmp_path)
        self.dataset = DATASETS.get(name)
        self.language, self.relations, self.misspelt = example.language, example.relations, example.misspelt
        return example.options

    def make(self, **options: Any) -> Dataset:
        return self.dataset(**options)

    def test_it_names_the_folder_of_its_runs(self, options: dict[str, Any], name: str) -> None:
        assert self.make(**options).name == name
        if takes(f"{self.dataset.__module__}.{self.dataset.__qualname__}", "name"):
            assert self.make(**options, name="mine").name == "mine"


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_option_of_a_dataset_says_which_facts_it_asks(name: str) -> None:
    written = OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml")
    assert {key: written[key] for key in SELECTION} == SELECTION


def test_a_dataset_that_needs_no_options_is_found_out_by_itself(tmp_path: Path) -> None:
    example = found_out(DATASETS.get("cldr"), tmp_path)
    assert example.language != "en" and len(set(example.relations)) == 2
