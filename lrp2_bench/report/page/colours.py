"""The page's colours for changes: red (loss) over neutral to blue (gain), as in the figures, even steps to the eye.

Each half is a straight line in OKLab (https://bottosson.github.io/posts/oklab/), in which equal distances look equal,
so that no edge is seen in the heatmap that is not in the numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Colour = npt.NDArray[np.float64]

#: Loss, no change, gain. The ends of the light one are those of ColorBrewer's RdBu, and each theme's two ends are
#: about as light as one another, so that neither direction weighs more.
ENDS: Final = {"light": ("#b2182b", "#f7f7f7", "#2166ac"), "dark": ("#f4796b", "#26292e", "#63a8ea")}
STOPS: Final = 21

_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def diverging(theme: str) -> list[str]:
    """:data:`STOPS` colours (``#rrggbb``) from the largest loss to the largest gain for ``light`` or ``dark``."""
    loss, middle, gain = (oklab(colour) for colour in ENDS[theme])
    half = np.linspace(0, 1, STOPS // 2 + 1)[:, None]
    down, up = loss + (middle - loss) * half, middle + (gain - middle) * half
    return [_hex(lab) for lab in (*down, *up[1:])]


def oklab(colour: str) -> Colour:
    """Lightness and the two opponent axes of ``#rrggbb``."""
    encoded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    lab: Colour = _TO_LAB @ np.cbrt(_TO_LMS @ linear)
    return lab


def _hex(lab: Colour) -> str:
    linear = np.clip(np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_LAB, lab) ** 3), 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in encoded)
