"""A figure as files: the same bytes from the same figure, today and tomorrow."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from lrp2_bench.core.files import write_bytes

DPI = 200  # of the PNG; the PDF is made of lines, but for cells too small for them
#: Forms of a figure with the metadata that would differ from run to run or machine to machine left out.
_FORMS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(figure: Figure, folder: Path, stem: str) -> tuple[Path, ...]:
    """Write ``folder/stem.png`` and ``.pdf``, each whole or not at all, and return them. Call it inside
    ``house_style``."""
    paths = tuple(folder / f"{stem}.{form}" for form in _FORMS)
    for path, (form, metadata) in zip(paths, _FORMS.items(), strict=True):
        buffer = io.BytesIO()
        # The canvas is named, so that neither a window system nor the user's backend is asked for.
        figure.savefig(buffer, format=form, backend="agg" if form == "png" else "pdf", dpi=DPI, metadata=metadata)
        write_bytes(path, buffer.getvalue())
    return paths
