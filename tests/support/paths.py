"""Where the tests find what is not part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

#: Real data beside the checkout (mLAMA, its successors, Tatoeba, X-FACTR); tests that read it skip where it is absent.
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
MLAMA_ZIP = SHARED_DATA / "mlama1.1.zip"
TATOEBA_ZIP = SHARED_DATA / "tatoeba.zip"
XFACTR_ZIP = SHARED_DATA / "xfactr.zip"
BMLAMA_ZIP = SHARED_DATA / "bmlama.zip"
MPARAREL_ZIP = SHARED_DATA / "mpararel.zip"
GEOMLAMA_ZIP = SHARED_DATA / "geomlama.zip"
KLAR_ZIP = SHARED_DATA / "klar_variant.zip"

needs_mlama = pytest.mark.skipif(not MLAMA_ZIP.exists(), reason="mLAMA 1.1 is not beside the checkout")
needs_tatoeba = pytest.mark.skipif(not TATOEBA_ZIP.exists(), reason="Tatoeba is not beside the checkout")
needs_xfactr = pytest.mark.skipif(not XFACTR_ZIP.exists(), reason="X-FACTR is not beside the checkout")
needs_successors = pytest.mark.skipif(
    not all(path.exists() for path in (BMLAMA_ZIP, MPARAREL_ZIP, GEOMLAMA_ZIP, KLAR_ZIP)),
    reason="BMLAMA, mParaRel, GeoMLAMA and KLAR are not beside the checkout",
)
