"""mLAMA as a zip or a folder, packed anyhow: the content is what counts; its own release is known and whole."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.mlama import MLama
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.toy import change_mlama

OTHER_CONTENT = "Language differs from the mLAMA 1.1 this version was tested with"
LONE_TEMPLATE = "Templates without a relation file"


def _pack(source: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*.jsonl"), reverse=True):
            archive.write(path, prefix + path.relative_to(source).as_posix())
    return target


@pytest.mark.parametrize("prefix", ["", "./", "some/where/else/"])
def test_a_zip_gives_the_facts_of_the_folder(prefix: str, toy_mlama: Path, tmp_path: Path) -> None:
    packed = _pack(toy_mlama, tmp_path / "x.zip", prefix)
    assert MLama(packed).languages() == MLama(toy_mlama).languages() == ("de", "en", "zh")
    assert MLama(packed).facts("de", "en", DataWarnings()) == MLama(toy_mlama).facts("de", "en", DataWarnings())


def test_two_copies_of_a_language_are_refused(toy_copy: Path) -> None:
    shutil.copytree(toy_copy / "mlama1.1" / "de", toy_copy / "old" / "de")
    with pytest.raises(BenchError, match="two folders of 'de': 'mlama1.1/de' and 'old/de'"):
        MLama(toy_copy).languages()


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages of mLAMA 1.1, unpacked."""
    target = tmp_path_factory.mktemp("real")
    with zipfile.ZipFile(MLAMA_ZIP) as archive:
        archive.extractall(target, [name for name in archive.namelist() if "/ga/" in name or "/la/" in name])
    return target


@needs_mlama
def test_mlama_itself_passes_in_the_zip_a_folder_and_packed_again(real_folder: Path, tmp_path: Path) -> None:
    digests = set()
    for path in (MLAMA_ZIP, real_folder, _pack(real_folder, tmp_path / "again.zip", "packed/")):
        data_warnings = DataWarnings()
        digests.add(MLama(path).facts("ga", "la", data_warnings).digest)
        assert data_warnings.count(OTHER_CONTENT) == 0
    assert len(digests) == 1


@needs_mlama
def test_a_changed_row_of_mlama_warns_with_the_languages_name(real_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(real_folder, tmp_path / "changed")
    change_mlama(tmp_path / "changed", "ga", "P36", lambda rows: rows[-1].update(sub_label=rows[-1]["sub_label"] + "."))
    data_warnings = DataWarnings()
    MLama(tmp_path / "changed", relations=["P30"], limit=1).facts("ga", "la", data_warnings)
    assert data_warnings.as_dict()[OTHER_CONTENT] == {"count": 1, "examples": ["ga"]}


@needs_mlama
def test_a_swapped_or_missing_line_of_mlama_warns_too(real_folder: Path, tmp_path: Path) -> None:
    for number, change in enumerate((lambda rows: rows.reverse(), lambda rows: rows.pop())):
        shutil.copytree(real_folder, tmp_path / str(number))
        change_mlama(tmp_path / str(number), "la", "P36", change)
        data_warnings = DataWarnings()
        MLama(tmp_path / str(number)).facts("la", "ga", data_warnings)
        assert data_warnings.as_dict()[OTHER_CONTENT]["examples"] == ["la"]


@needs_mlama
def test_mlama_has_its_languages_and_relations() -> None:
    dataset = MLama(MLAMA_ZIP)
    assert len(dataset.languages()) == 53
    data_warnings = DataWarnings()
    english = dataset.facts("en", "en", data_warnings)
    assert len(english.relations) == 41
    assert data_warnings.count(LONE_TEMPLATE) == 5
    for relation in english.relations:
        assert len({fact.uuid for fact in relation.facts}) == len({fact.line_id for fact in relation.facts})


def test_a_path_without_mlama_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no file or folder '.*mlama.zip'"):
        MLama(tmp_path / "mlama.zip").facts("de", "en", DataWarnings())
    (tmp_path / "P36.jsonl").write_text("{}")
    with pytest.raises(BenchError, match="holds no mLAMA files"):
        MLama(tmp_path).facts("de", "en", DataWarnings())


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlama.zip").write_bytes(b"half a zip")
    with pytest.raises(BenchError, match="not a readable zip archive"):
        MLama(tmp_path / "mlama.zip").languages()
