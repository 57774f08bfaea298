"""mLAMA's successors in whatever package: zips and folders, downloads, digests, other names of languages."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.successors import base
from lrp2_bench.data.successors.base import Successor, digest_of
from lrp2_bench.data.successors.bmlama import BMlama
from lrp2_bench.data.successors.codes import language_code
from lrp2_bench.data.successors.geomlama import GeoMlama
from lrp2_bench.data.successors.klar import Klar
from lrp2_bench.data.successors.mpararel import MParaRel
from tests.data.dataset_contract import DatasetContract
from tests.support.loopback import Answer, Loopback
from tests.support.toy_successors import (
    build_bmlama,
    build_geomlama,
    build_klar,
    build_klar_lines,
    build_mpararel,
)

Build = Callable[[Path], Path]

LAYOUTS: list[tuple[type[Successor], Build]] = [
    (BMlama, build_bmlama), (MParaRel, build_mpararel), (GeoMlama, build_geomlama), (Klar, build_klar),
    (Klar, build_klar_lines),
]  # fmt: skip
OTHER = "Language differs from the {} this version was tested with"

every_layout = pytest.mark.parametrize(("made", "build"), LAYOUTS, ids=lambda given: given.__name__)


def _zip(source: Path, prefix: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(source.rglob("*.*"), reverse=True):
            name = path.relative_to(source)
            archive.write(path, f"{prefix}{name}")
            archive.writestr(f"__MACOSX/{prefix}{name.parent}/._{name.name}", b"\0\5\26\7")
        archive.writestr(f"{prefix}.DS_Store", b"\0")
    return packed.getvalue()


class TestLines(DatasetContract):
    """KLAR's other layout; the first ones are under the contract by their names."""

    language = "de"
    relations = ("what_is_the_capital_of_x", "where_on_earth_is_x")
    misspelt = ("ger", "de")

    @pytest.fixture
    def options(self, tmp_path: Path) -> dict[str, Path]:
        return {"path": build_klar_lines(tmp_path)}

    def make(self, **options: object) -> Klar:
        return Klar(**options)  # type: ignore[arg-type]


@every_layout
def test_a_nested_zip_of_another_system_gives_the_facts_of_the_folder(
    made: type[Successor], build: Build, tmp_path: Path
) -> None:
    folder = build(tmp_path / "x")
    (tmp_path / "x.zip").write_bytes(_zip(folder, "some-commit/data/"))
    packed = made(path=tmp_path / "x.zip")
    assert packed.languages() == made(path=folder).languages() and "en" in packed.languages()
    assert packed.facts("de", "en", DataWarnings()) == made(path=folder).facts("de", "en", DataWarnings())


@every_layout
def test_two_copies_are_refused_and_nothing_is_too(made: type[Successor], build: Build, tmp_path: Path) -> None:
    build(tmp_path / "x" / "one")
    shutil.copytree(tmp_path / "x" / "one", tmp_path / "x" / "two")
    with pytest.raises(BenchError, match="There are several .*one.* and .*two.*Set dataset.path to just one copy"):
        made(path=tmp_path / "x").languages()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match=f"'.*empty' holds no {made.title} .*Check dataset.path"):
        made(path=tmp_path / "empty").languages()


@every_layout
def test_without_a_path_a_zip_is_downloaded_once(
    made: type[Successor], build: Build, tmp_path: Path, server: Loopback
) -> None:
    folder = build(tmp_path / "x")
    server.answers["/x.zip"] = Answer(_zip(folder, "Repository-HEAD/"))
    for _ in range(2):
        dataset = made(url=f"{server.address}/x.zip", cache=tmp_path / "cache")
        assert dataset.languages() == made(path=folder).languages()
    assert len(server.requests) == 1


def test_a_download_that_leads_out_of_its_zip_is_refused(tmp_path: Path, server: Loopback) -> None:
    server.answers["/x.zip"] = Answer(_zip(build_geomlama(tmp_path / "x"), "../"))
    with pytest.raises(BenchError, match="leads out of the archive"):
        GeoMlama(url=f"{server.address}/x.zip", cache=tmp_path).languages()


@every_layout
def test_a_digest_knows_a_changed_row_and_no_other_packing(
    made: type[Successor], build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path / "x")
    pinned = {code: digest_of(made(path=folder).facts(code, code, DataWarnings()).relations) for code in ("de", "en")}
    monkeypatch.setattr(base, "pinned_digests", lambda edition: pinned)

    def count() -> int:
        data_warnings = DataWarnings()
        made(path=folder).facts("de", "en", data_warnings)
        return data_warnings.count(OTHER.format(made.title))

    german = [path for path in folder.rglob("*") if path.is_file() and ("de" in path.stem or path.parent.name == "de")]
    for path in german:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n"))
    assert count() == 0
    for path in german:
        path.write_bytes(path.read_bytes().replace(b"Deutschland", b"Schland").replace(b"Brot", b"Broht"))
    assert count() == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("de", "de"), ("zh-hans", "zh"), ("zh-CN", "zh"), ("zho_Hans", "zh"), ("zh-hant", "zh-Hant"),
        ("zh_TW", "zh-TW"), ("pt-br", "pt"), ("pt_PT", "pt-PT"), ("sr-latn", "sr-Latn"), ("ell_Grek", "el"),
        ("fil_Latn", "fil"), ("ara_Arab", "ar"), ("xyz", "xyz"),
    ],
)  # fmt: skip
def test_languages_have_the_codes_of_the_benchmark(name: str, code: str) -> None:
    assert language_code(name) == code


def test_a_language_goes_by_its_code_and_by_the_name_that_the_collection_gives_it(tmp_path: Path) -> None:
    folder = build_mpararel(tmp_path)
    found = [MParaRel(path=folder).facts(name, "en", DataWarnings()) for name in ("zh", "zh-hans", "zh_Hans")]
    assert found[0].relations == found[1].relations == found[2].relations
    dataset = MParaRel(path=folder)
    assert dataset.languages() == ("de", "en", "zh")
    with pytest.raises(UnknownNameError, match="Unknown language 'zh-hant'"):
        dataset.facts("zh-hant", "en", DataWarnings())


def test_a_collection_with_two_names_for_a_language_keeps_both(tmp_path: Path) -> None:
    for kind in ("patterns", "tuples"):
        shutil.copytree(build_mpararel(tmp_path / kind) / kind / "zh-hans", tmp_path / "x" / kind / "zh-hans")
        shutil.copytree(tmp_path / "x" / kind / "zh-hans", tmp_path / "x" / kind / "zh")
    assert MParaRel(path=tmp_path / "x").languages() == ("zh", "zh-hans")
