"""A testbed model is known by its manifest, and its twin by the model's; other models are left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_json
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.pretrained import UNREADABLE, Pretrained, exposure_of, pretrained_of
from lrp2_bench.testbed.specs import spec_of

MODEL = Pretrained("tiny_mbert", spec_of("tiny_mbert").exposure)
TWIN = Pretrained("tiny_mbert_twin", spec_of("tiny_mbert_twin").exposure)


def test_a_twin_knows_its_model_and_no_other() -> None:
    assert TWIN.is_twin_of(MODEL)
    assert (TWIN.twin_of, MODEL.twin_of, MODEL.twin_name) == ("tiny_mbert", None, "tiny_mbert_twin")
    assert not MODEL.is_twin_of(TWIN) and not TWIN.is_twin_of(TWIN) and not MODEL.is_twin_of(MODEL)
    assert not replace(TWIN, name="tiny_bloom_twin").is_twin_of(MODEL)
    other = Exposure.default(("de", "fr"), seed=1)
    assert not replace(TWIN, exposure=other.as_twin()).is_twin_of(MODEL)


@pytest.mark.parametrize("model", [MODEL, TWIN], ids=lambda model: model.name)
def test_a_runs_manifest_holds_all_of_it(model: Pretrained) -> None:
    entry = json.loads(json.dumps(model.as_dict()))
    assert set(entry) == {"name", "twin", "twin_of", "exposure"}
    assert (entry["twin"], entry["twin_of"]) == ((True, "tiny_mbert") if model is TWIN else (False, None))
    assert Pretrained.from_dict(entry) == model


@pytest.mark.parametrize("entry", [{}, {"name": "x"}, {"name": "x", "exposure": None}, {"name": "x", "exposure": {}}])
def test_a_broken_entry_is_an_error_and_no_crash(entry: dict[str, object]) -> None:
    with pytest.raises(BenchError, match=r"Search again|Rebuild"):
        Pretrained.from_dict(entry)


def test_a_checkpoint_tells_which_model_it_is_whatever_its_folder_is_called(tmp_path: Path) -> None:
    spec = spec_of("tiny_mbert_twin")
    write_json(tmp_path / "manifest.json", {"spec": spec.as_dict(), "exposure": spec.exposure.as_dict()})
    data_warnings = DataWarnings()
    assert pretrained_of(tmp_path, data_warnings) == TWIN
    assert data_warnings.as_dict() == {}


@pytest.mark.parametrize("text", [None, "[]", "{}", '{"spec": {}}', '{"exposure": "bright"}'])
def test_a_manifest_of_another_kind_is_passed_over(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    data_warnings = DataWarnings()
    assert pretrained_of(tmp_path, data_warnings) is None
    assert data_warnings.as_dict() == {}


def test_a_manifest_that_is_no_json_is_counted(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    data_warnings = DataWarnings()
    assert pretrained_of(tmp_path, data_warnings) is None
    assert data_warnings.count(UNREADABLE) == 1


@pytest.mark.parametrize("exposure", [{"share": 1}, {"shares": ["de"]}, {"shares": 3}, {"shares": {"en": 2.0}}])
def test_an_exposure_that_cannot_be_is_an_error(tmp_path: Path, exposure: object) -> None:
    write_json(tmp_path / "manifest.json", {"spec": {"name": "x"}, "exposure": exposure})
    with pytest.raises(BenchError):
        pretrained_of(tmp_path, DataWarnings())


def test_the_exposure_is_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"exposure": MODEL.exposure.as_dict()})
    assert exposure_of(tmp_path) == MODEL.exposure


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_broken_manifest_has_no_exposure_and_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BenchError, match="no exposure"):
        exposure_of(tmp_path)


def test_a_folder_without_a_manifest_has_no_exposure(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="Only testbed models"):
        exposure_of(tmp_path)
