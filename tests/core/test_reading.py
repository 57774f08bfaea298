"""JSON files are read in one place: what is missing or damaged is told alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.reading import DamagedFileError, MissingFileError, find_object, read_object


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{", b"[1]", b"null", b'"text"'])
def test_a_damaged_file_is_told_with_its_name_and_the_next_step(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"x\.json' is damaged \(.+\)\. Do this\.") as caught:
        read_object(path, "Do this.")
    assert "\n" not in str(caught.value) and isinstance(caught.value, BenchError)
    assert find_object(path) == {}


def test_a_missing_file_is_told_as_such_wherever_its_path_breaks_off(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "x.json", tmp_path / "no" / "x.json", tmp_path / "file" / "x.json"):
        with pytest.raises(MissingFileError, match=r"x\.json' is missing\.$"):
            read_object(path)
        assert find_object(path) == {}


def test_an_object_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"name": "日本"}', "utf-8")
    assert read_object(tmp_path / "x.json") == find_object(tmp_path / "x.json") == {"name": "日本"}
