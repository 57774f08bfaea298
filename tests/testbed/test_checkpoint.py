"""What a checkpoint's manifest says about its pretraining, and folders that say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_json
from lrp2_bench.testbed.checkpoint import exposure_of
from lrp2_bench.testbed.exposure import Exposure

EXPOSURE = Exposure.default(("de",))


def test_the_exposure_is_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"exposure": EXPOSURE.as_dict()})
    assert exposure_of(tmp_path) == EXPOSURE


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_broken_manifest_is_no_crash(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BenchError, match="no exposure"):
        exposure_of(tmp_path)


def test_another_folder_has_none(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="Only testbed models"):
        exposure_of(tmp_path)
