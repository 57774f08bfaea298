"""Files that are whole or absent, journals that survive a kill, digests of content."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from lrp2_bench.core.files import (
    append_json_line,
    atomic_path,
    changed,
    cut_torn_tail,
    digest_holds,
    digests,
    read_json_lines,
    remove_abandoned,
    sha256_file,
    sha256_json,
    with_own_digest,
    write_json,
    write_text,
)


def test_an_atomic_file_appears_with_its_parents_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_text(path, "für\n")
    assert path.read_bytes() == "für\n".encode()
    assert [child.name for child in path.parent.iterdir()] == ["b.txt"]


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_what_killed_writers_left_goes_with_the_next_write_and_what_is_being_written_stays(tmp_path: Path) -> None:
    path, hours = tmp_path / "a[1].txt", 3600
    dead = [(".a[1].txt.dead.tmp", 2), (".a[1].txt.dead.tmp.lock", 2), (".b.txt.dead.tmp", 2), ("a[1].txt", 2)]
    for name, age in [*dead, (".a[1].txt.live.tmp", 0.5)]:
        (tmp_path / name).write_text("half")
        before = (tmp_path / name).stat().st_mtime - age * hours
        os.utime(tmp_path / name, (before, before))
    write_text(path, "new")
    left = {child.name: child.read_text() for child in tmp_path.iterdir()}
    assert left == {"a[1].txt": "new", ".a[1].txt.live.tmp": "half", ".b.txt.dead.tmp": "half"}


def test_what_killed_writers_left_of_any_file_can_be_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    hours = 3600
    ages = {".a.dead.tmp": 2.0, ".b.live.tmp": 0.5, ".b.dead.tmp": 30.0, "c.tmp": 2.0, ".hidden": 2.0}
    for name, age in ages.items():
        (tmp_path / name).write_text("half")
        before = (tmp_path / name).stat().st_mtime - age * hours
        os.utime(tmp_path / name, (before, before))
    (lock := tmp_path / ".b.dead.tmp.lock").symlink_to(tmp_path / "gone")
    os.utime(lock, (before, before), follow_symlinks=False)
    remove_abandoned(tmp_path)
    assert {child.name for child in tmp_path.iterdir()} == {".b.live.tmp", "c.tmp", ".hidden"}
    remove_abandoned(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_nothing_is_written_where_nothing_was_left(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("whole")
    before = tmp_path.stat().st_mtime_ns
    remove_abandoned(tmp_path)
    assert tmp_path.stat().st_mtime_ns == before


def test_an_atomic_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "")
        (tmp_path / "b.txt").write_text("")
        assert os.umask(0o027) == 0o027, "the process's mask is put back"
    finally:
        os.umask(previous)
    modes = {child.name: child.stat().st_mode & 0o777 for child in tmp_path.iterdir()}
    assert modes == {"a.txt": 0o640, "b.txt": 0o640}


def test_json_is_written_sorted_and_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "ö", "a": [1]})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "a": [\n    1\n  ],\n  "b": "ö"\n}\n'


@pytest.mark.parametrize("torn", [b"", b'{"n": 2', b'{"n": "\xc3', b"\x00\x00"])
def test_a_record_after_a_torn_tail_starts_a_line_of_its_own(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    append_json_line(path, {"n": 1})
    with path.open("ab") as file:
        file.write(torn)
    assert read_json_lines(path) == [{"n": 1}]
    append_json_line(path, {"n": "drei\u2028"})
    assert read_json_lines(path) == [{"n": 1}, {"n": "drei\u2028"}]
    assert path.read_bytes().count(b"\n") == 2


def test_a_line_that_is_no_json_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b'{"n": 1}\n\x00\x00\n{"n": 2}\n')
    assert read_json_lines(tmp_path / "j") == [{"n": 1}, {"n": 2}]


def test_a_journal_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    cut_torn_tail(tmp_path / "none")
    assert read_json_lines(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_a_whole_journal_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b'{"n": 1}\n')
    cut_torn_tail(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == b'{"n": 1}\n'


def test_a_digest_covers_content_and_not_the_order_of_keys(tmp_path: Path) -> None:
    assert sha256_json({"a": 1, "b": "ö"}) == sha256_json(json.loads('{"b": "\\u00f6",   "a": 1}'))
    assert sha256_json({"a": [1, 2]}) != sha256_json({"a": [2, 1]})
    assert sha256_json({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_file(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()


def test_a_sealed_record_knows_whether_it_is_what_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "r.json", with_own_digest({"a": [1, 0.1], "ö": None, "digest": "of an earlier one"}))
    record = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert digest_holds(record) and record["a"] == [1, 0.1] and with_own_digest(record) == record
    assert not digest_holds({**record, "a": [1, 0.2]}) and not digest_holds({**record, "b": 1})
    assert digest_holds({"a": 1}), "records of earlier versions have no digest"


def test_changed_files_are_those_with_another_digest_than_the_one_known(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    known = digests(tmp_path, ("a", "b", "c"))
    assert set(known) == {"a", "b"} and changed(tmp_path, known, ("a", "b", "c")) == []
    (tmp_path / "a").write_text("x")
    (tmp_path / "c").write_text("x")
    assert changed(tmp_path, known, ("a", "b", "c")) == ["a"]
    assert changed(tmp_path, None, ("a",)) == []
