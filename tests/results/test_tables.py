"""``pairs.csv`` and ``alignment.csv``: the exact text, the way back, and every kind of damage."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.results.tables import AlignmentRow, PairRow, read_alignment, read_pairs, write_alignment, write_pairs

PAIRS = [
    PairRow(None, None, 100 / 3, 25.0, 12, 9),
    PairRow(1, 2, 41.6666666, 200 / 7, 12, 9),
    PairRow(1, 3, 0.0, 0.0, 12, 9),
    PairRow(2, 3, 100.0, 100.0, 12, 9),
]
PAIRS_TEXT = (
    "lirp,lsrp,accuracy,transferability,facts,shared\n"
    ",,33.333333,25.000000,12,9\n"
    "1,2,41.666667,28.571429,12,9\n"
    "1,3,0.000000,0.000000,12,9\n"
    "2,3,100.000000,100.000000,12,9\n"
)
ALIGNMENT = [AlignmentRow(0, 0.5, 0.5, 9), AlignmentRow(1, -0.25, 1 / 3, 9), AlignmentRow(2, 0.75, None, 9)]
ALIGNMENT_TEXT = "layer,baseline,lrp2,facts\n0,0.500000,0.500000,9\n1,-0.250000,0.333333,9\n2,0.750000,,9\n"


def test_pairs_are_written_with_six_decimals_and_the_baseline_first(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "pairs.csv"
    write_pairs(path, PAIRS)
    assert path.read_bytes() == PAIRS_TEXT.encode()
    assert read_pairs(path) == PAIRS


def test_alignment_is_written_with_an_empty_cell_where_no_pair_was_searched(tmp_path: Path) -> None:
    path = tmp_path / "alignment.csv"
    write_alignment(path, ALIGNMENT)
    assert path.read_bytes() == ALIGNMENT_TEXT.encode()
    assert read_alignment(path) == ALIGNMENT


def test_pandas_reads_both_files_without_code_of_ours(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    write_pairs(tmp_path / "pairs.csv", PAIRS)
    write_alignment(tmp_path / "alignment.csv", ALIGNMENT)
    pairs = pandas.read_csv(tmp_path / "pairs.csv")
    assert math.isnan(pairs["lirp"][0]) and pairs["lsrp"].tolist()[1:] == [2, 3, 3]
    assert pairs["accuracy"].tolist() == [row.accuracy for row in PAIRS]
    alignment = pandas.read_csv(tmp_path / "alignment.csv")
    assert alignment["baseline"].tolist() == [0.5, -0.25, 0.75]


def test_a_baseline_alone_is_a_whole_file(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.csv", PAIRS[:1])
    assert read_pairs(tmp_path / "pairs.csv") == PAIRS[:1]


def test_a_row_holds_the_numbers_of_its_file_from_the_start() -> None:
    assert PAIRS[0].accuracy == 33.333333
    assert math.copysign(1, AlignmentRow(1, -1e-9, None, 9).baseline) == 1, "no -0.000000 in the file"
    assert AlignmentRow(1, 1.0000001, None, 9).baseline == 1.0, "rounding may push a mean of cosines past 1"


def test_numpy_numbers_become_plain_ones() -> None:
    numpy = pytest.importorskip("numpy")
    row = PairRow(numpy.int64(1), numpy.int64(2), numpy.float64(50), numpy.float32(25), numpy.int64(4), numpy.int64(2))
    assert [type(value) for value in vars(row).values()][:6] == [int, int, float, float, int, int]
    assert row.pair == LayerPair(1, 2) and PAIRS[0].pair is None


def test_a_percentage_of_nothing_may_be_nan_and_comes_back(tmp_path: Path) -> None:
    pairs = [PairRow(None, None, 50.0, math.nan, 4, 0)]
    write_pairs(tmp_path / "pairs.csv", pairs)
    assert read_pairs(tmp_path / "pairs.csv") == pairs
    alignment = [AlignmentRow(0, math.nan, None, 0)]
    write_alignment(tmp_path / "alignment.csv", alignment)
    assert read_alignment(tmp_path / "alignment.csv") == alignment


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ((1, None, 1.0, 1.0, 2, 2), "both"),
        ((2, 2, 1.0, 1.0, 2, 2), "lirp < lsrp"),
        ((0, 2, 1.0, 1.0, 2, 2), "1 <= lirp"),
        ((1, 2, 100.1, 1.0, 2, 2), "accuracy=100.1"),
        ((1, 2, 1.0, -0.1, 2, 2), "transferability=-0.1"),
        ((1, 2, 1.0, math.nan, 2, 2), "transferability=nan"),
        ((1, 2, 1.0, math.inf, 2, 2), "transferability=inf"),
        ((1, 2, 1.0, 1.0, 2, 3), "shared=3 exceeds facts=2"),
        ((1, 2, 1.0, 1.0, -2, -3), "facts=-2"),
    ],
)
def test_a_row_that_cannot_be_is_refused(values: tuple[Any, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PairRow(*values)


def test_rows_out_of_order_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    for rows in (PAIRS[1:], [PAIRS[0], PAIRS[0]], [PAIRS[0], PAIRS[2], PAIRS[1]], [PAIRS[0], PAIRS[1], PAIRS[1]], []):
        with pytest.raises(ValueError, match=r"baseline|come after|no rows"):
            write_pairs(path, rows)
    with pytest.raises(ValueError, match="come after"):
        write_alignment(path, ALIGNMENT[::-1])
    assert not list(tmp_path.iterdir()), "nothing is left behind, not even a temporary file"


def test_a_refused_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    write_pairs(path, PAIRS)
    with pytest.raises(ValueError, match="baseline"):
        write_pairs(path, PAIRS[1:])
    assert read_pairs(path) == PAIRS


@pytest.mark.parametrize(
    ("damaged", "line"),
    [
        ("", 1),
        ("\0" * 300_000, 1),
        (PAIRS_TEXT.replace("lirp,", ""), 1),
        ("lirp,lsrp,accuracy,transferability,facts,shared", 2),
        ("lirp,lsrp,accuracy,transferability,facts,shared\n", 2),
        (PAIRS_TEXT[:-1], 5),
        (PAIRS_TEXT[:-12], 5),
        (PAIRS_TEXT.replace("1,3,0.000000", "1,3,zero"), 4),
        (PAIRS_TEXT.replace("1,3,0.000000", "1,3,"), 4),
        (PAIRS_TEXT.replace("1,3,0.000000", "1,3,nan"), 4),
        (PAIRS_TEXT.replace("1,3,0.000000,", "1,3,"), 4),
        (PAIRS_TEXT.replace("1,3,0.000000", "1,2,0.000000"), 4),
        (PAIRS_TEXT.replace("1,3,0.000000", ",,0.000000"), 4),
        (PAIRS_TEXT.replace(",,33.333333,25.000000,12,9\n", ""), 2),
        (PAIRS_TEXT.replace("1,2,41", "2,1,41"), 3),
        (PAIRS_TEXT.replace("28.571429", "128.571429"), 3),
        (PAIRS_TEXT.replace("\n1,3", "\n\n1,3"), 4),
    ],
)
def test_damage_is_an_error_with_file_line_and_next_step(tmp_path: Path, damaged: str, line: int) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(damaged.encode())
    with pytest.raises(BenchError, match="lrp2-bench search") as caught:
        read_pairs(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert len(str(caught.value)) < 700, "a line of rubbish is shown in part"


def test_damage_to_the_alignment_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "alignment.csv"
    for damaged in (ALIGNMENT_TEXT.replace("1,-0.25", "0,-0.25"), ALIGNMENT_TEXT.replace("-0.25", "-1.25")):
        path.write_text(damaged)
        with pytest.raises(BenchError, match=r"alignment\.csv, line 3: "):
            read_alignment(path)


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    with pytest.raises(BenchError, match=r"Cannot read .*pairs\.csv: No such file"):
        read_pairs(path)
    path.write_bytes(PAIRS_TEXT.encode().replace(b"1,3", b"1,\xff"))
    with pytest.raises(BenchError, match=r"pairs\.csv, line 4: .*UTF-8"):
        read_pairs(path)


def test_a_file_saved_by_a_spreadsheet_still_reads(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"\xef\xbb\xbf" + PAIRS_TEXT.replace("\n", "\r\n").replace("25.000000", "25").encode())
    assert read_pairs(path) == PAIRS
