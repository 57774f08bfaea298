"""Every dataset under the one contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.xfactr.dataset import XFactr
from tests.data.dataset_contract import DatasetContract
from tests.support.toy_xfactr import build_xfactr


class TestMLama(DatasetContract):
    language, relations, misspelt = "de", ("P30", "P36"), ("ger", "de")

    @pytest.fixture
    def options(self, toy_mlama: Path) -> dict[str, Any]:
        return {"path": toy_mlama}

    def make(self, **options: Any) -> Dataset:
        return MLama(**options)


class TestCldr(DatasetContract):
    language, relations, misspelt = "cy", ("P30", "P36"), ("Welsh", "cy")

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {}

    def make(self, **options: Any) -> Dataset:
        return CldrDataset(**options)


class TestXFactr(DatasetContract):
    language, relations, misspelt = "fr", ("P19", "P36"), ("French", "fr")

    @pytest.fixture
    def options(self, tmp_path: Path) -> dict[str, Any]:
        return {"path": build_xfactr(tmp_path, genders=True)}

    def make(self, **options: Any) -> Dataset:
        return XFactr(**options)
