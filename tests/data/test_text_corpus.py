"""Plain text corpora: what counts as a line, what is left out, and errors that list what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.data.text import LONGEST_LINE, NOT_UTF8, NUL, TOO_FEW, TextCorpus


def read(folder: Path, data: bytes, count: int | None = None) -> tuple[list[str], DataWarnings]:
    (folder / "de.txt").write_bytes(data)
    data_warnings = DataWarnings()
    return TextCorpus(str(folder), count).sentences("de", data_warnings), data_warnings


def test_the_first_sentences_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    found, data_warnings = read(tmp_path, b"Eins.\nZwei.\nDrei.\n", 2)
    assert found == ["Eins.", "Zwei."]
    assert data_warnings.as_dict() == {}


def test_no_count_means_every_sentence(tmp_path: Path) -> None:
    assert read(tmp_path, b"Eins.\nZwei.\nDrei.")[0] == ["Eins.", "Zwei.", "Drei."]


def test_blank_lines_repeats_and_lines_without_a_letter_do_not_count(tmp_path: Path) -> None:
    assert read(tmp_path, b"Eins.\n\n  \n123 !\nEins.\r\n Zwei. \n", 2)[0] == ["Eins.", "Zwei."]


def test_fewer_sentences_than_asked_are_counted(tmp_path: Path) -> None:
    found, data_warnings = read(tmp_path, b"Eins.\nZwei.\n", 3)
    assert len(found) == 2
    assert data_warnings.as_dict() == {TOO_FEW: {"count": 1, "examples": ["de: 2 of 3"]}}


def test_a_byte_order_mark_is_no_part_of_the_first_sentence(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfEins.\nZwei.\n")[0] == ["Eins.", "Zwei."]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1e"])
def test_only_a_newline_ends_a_sentence(tmp_path: Path, separator: str) -> None:
    assert len(read(tmp_path, f"Eins{separator}und zwei.\nDrei.\n".encode())[0]) == 2


def test_damaged_lines_of_a_utf8_file_are_left_out_and_counted(tmp_path: Path) -> None:
    sound = [f"Zwölf und {number}." for number in range(30)]
    found, data_warnings = read(
        tmp_path, b"Eins.\nf\xfcnf\nnull\x00.\n" + "\n".join(sound).encode() + b"\n\xff\xff abc\n"
    )
    assert found == ["Eins.", *sound]
    assert data_warnings.count(NOT_UTF8) == 2 and data_warnings.count(NUL) == 1
    assert ":2" in str(data_warnings.as_dict())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_refused_with_the_way_out(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(BenchError, match="iconv"):
        read(tmp_path, "\ufeffEins.\nZwei.\n".encode(encoding))


def test_a_file_without_line_breaks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="one sentence a line"):
        read(tmp_path, b"Eins.\n" + b"x " * LONGEST_LINE)


def test_a_file_whose_only_line_ends_are_carriage_returns_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        BenchError, match=r"(?s)de.txt' ends its lines with carriage returns.*tr '\\r' '\\n' < OLD > NEW"
    ):
        read(tmp_path, b"Eins.\rZwei.\rDrei.\r")


def test_a_carriage_return_inside_a_line_ends_no_sentence(tmp_path: Path) -> None:
    assert read(tmp_path, b"Eins\rund zwei.\nDrei.\r\nVier.\r")[0] == ["Eins und zwei.", "Drei.", "Vier."]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"123\n!\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_usable_sentence_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BenchError, match="no usable sentence"):
        read(tmp_path, data, 5)


def test_a_missing_language_lists_those_there_and_suggests_the_nearest(tmp_path: Path) -> None:
    for code in ("de", "zh"):
        (tmp_path / f"{code}.txt").write_text("x\n")
    with pytest.raises(UnknownNameError, match=r"(?s)Did you mean 'de'.*Known: de, zh\..*ger\.txt"):
        TextCorpus(str(tmp_path)).sentences("ger", DataWarnings())


def test_a_language_cannot_name_a_file_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(UnknownNameError):
        TextCorpus(str(inside)).sentences("../secret", DataWarnings())


def test_the_path_is_asked_for_where_it_is_not_given() -> None:
    with pytest.raises(BenchError, match="corpus.path=DIR"):
        TextCorpus(None)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no folder"):
        TextCorpus(str(tmp_path / "gone"))


def test_a_flag_that_is_a_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="corpus.parallel=no: give true or false"):
        TextCorpus(str(tmp_path), parallel="no")  # type: ignore[arg-type]


def test_more_sentences_than_can_be_counted_are_all(tmp_path: Path) -> None:
    (tmp_path / "de.txt").write_text("Ein Satz.\nNoch einer.\n", "utf-8")
    assert len(TextCorpus(str(tmp_path), 10**19).sentences("de", DataWarnings())) == 2


@pytest.mark.parametrize("count", [0, -1, True, 2.5])
def test_a_count_below_one_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(BenchError, match="corpus.sentences"):
        TextCorpus(str(tmp_path), count)
