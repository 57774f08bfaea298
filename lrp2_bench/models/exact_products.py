"""Whether float32 products are computed in float32: switches of the environment may ask for less without a word."""

from __future__ import annotations

import torch

from lrp2_bench.core.errors import BenchError

#: Widest matrix that is measured, and the relative error that no float32 product has: TF32's is about 2e-4, bfloat16's
#: 2e-3, float32's 1e-7.
_WIDTH, _MOST = 256, 1e-5

_SWITCHES = "NVIDIA_TF32_OVERRIDE, ONEDNN_DEFAULT_FPMATH_MODE and DNNL_DEFAULT_FPMATH_MODE"


def require_exact_products(device: torch.device) -> None:
    """Have PyTorch multiply float32 matrices in float32 (TORCH_ALLOW_TF32_CUBLAS_OVERRIDE may have it do otherwise).

    Raises :class:`BenchError` where the libraries below still multiply in less: it would change scores, and nothing
    that a run records would differ.
    """
    torch.set_float32_matmul_precision("highest")
    error = product_error(device)
    if error > _MOST:
        raise BenchError(
            f"Products of float32 matrices on {device} are off by {error:.1e} (float32's own error is about 1e-7), so "
            "they are computed in a lower precision.\n"
            f"Unset {_SWITCHES} in the environment; model.precision=bfloat16 is the precision that is recorded."
        )


def product_error(device: torch.device) -> float:
    """Relative error of a float32 matrix product on ``device``."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(_WIDTH, _WIDTH, generator=generator) for _ in range(2))
    exact = a.double() @ b.double()
    found = (a.to(device) @ b.to(device)).cpu().double()
    return float((found - exact).norm() / exact.norm())
