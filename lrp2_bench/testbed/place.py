"""A folder that appears only when it is whole, and takes an older one's place without a moment in which both can go."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder
from lrp2_bench.models.shipped import MANIFEST

#: Seconds without a write after which a folder has nobody who works in it.
_ABANDONED = 3600.0


@contextmanager
def whole_folder(output: Path, needed: int, *, overwrite: bool) -> Iterator[Path]:
    """``output.XXXX.partial``, empty and nobody else's; on leaving it takes ``output``'s place, on error it goes.

    An older ``output`` is first moved aside: whoever is killed in between leaves it whole as ``output.XXXX.old``, and
    the new one as ``output.XXXX.partial``. What killed processes left half done goes, an hour after its last write.

    Raises :class:`BenchError` where ``output`` is there already (unless ``overwrite``), before or after the work (which
    is then kept), or where fewer than ``needed`` bytes are free.
    """
    if output.exists() and not overwrite:
        raise BenchError(f"'{output}' is there already. Pass another folder, or overwrite it.")
    partial = _fresh_folder(output, needed)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if output.exists() and not overwrite:
        raise BenchError(
            f"'{output}' was made by another process meanwhile. What this one made is in '{partial}': rename it."
        )
    aside = partial.with_suffix(".old")
    with suppress(FileNotFoundError):
        output.replace(aside)
    partial.replace(output)
    shutil.rmtree(aside, ignore_errors=True)


def _fresh_folder(output: Path, needed: int) -> Path:
    make_folder(output.parent)
    free = shutil.disk_usage(output.parent).free
    if free < needed:
        raise BenchError(
            f"{free >> 20} MiB are free at '{output.parent}', pretraining needs {needed >> 20}. "
            "Free some, or write elsewhere."
        )
    partial = Path(tempfile.mkdtemp(dir=output.parent, prefix=f"{output.name}.", suffix=".partial"))
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o777 & ~umask)  # mkdtemp makes folders private
    now = partial.stat().st_mtime
    for left in output.parent.glob(f"{glob.escape(output.name)}.*.partial"):
        with suppress(OSError):  # somebody else removed it first
            newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if now - newest > _ABANDONED and not (left / MANIFEST).exists():  # written last: with it, it is whole
                shutil.rmtree(left)
    return partial
