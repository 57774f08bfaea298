"""Whether an offline run's file is complete: where the disk was full, W&B cuts it short and says nothing."""

from __future__ import annotations

from pathlib import Path

# The file is LevelDB's log: a header, then blocks of records, each with a header of its own.
_FILE_HEADER, _RECORD_HEADER, _BLOCK = 7, 7, 32_768
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def is_whole(run: Path) -> bool:
    """Whether an offline run's folder holds a file that :func:`ends_with_a_record`."""
    paths = list(run.glob("*.wandb"))
    return len(paths) == 1 and ends_with_a_record(paths[0].read_bytes())


def ends_with_a_record(data: bytes) -> bool:
    """What the records hold is not looked at. A file of another make, of a W&B to come, is taken for whole."""
    if len(data) < _FILE_HEADER:
        return False
    if data[:4] != b":W&B":
        return True
    position, kind = _FILE_HEADER, 0
    while position < len(data):
        left = _BLOCK - position % _BLOCK
        if left < _RECORD_HEADER:  # zeros up to the block's end
            position += left
            continue
        kind = data[position + 6] if position + 6 < len(data) else 0
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
            return False
        position += _RECORD_HEADER + int.from_bytes(data[position + 4 : position + 6], "little")
    return position == len(data) and kind in (_FULL, _LAST)
