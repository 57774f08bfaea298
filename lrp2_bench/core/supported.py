"""Which versions of Python this runs on: in words that much older ones can read, and imported before all else."""

import sys

#: The first and the last minor version of Python 3. Newer ones are not tried: Hydra 1.3 and OmegaConf 2.3 reach into
#: the standard library (3.14's argparse needs :mod:`lrp2_bench.launchers.plugin`).
FIRST, LAST = 11, 14

_COMMANDS = ("lrp2-bench", "-m", "__main__.py")  # -m: of `python -m lrp2_bench`, while its package is imported


def refusal(version: "tuple[int, ...]") -> "str | None":
    """Why a Python of ``version``, such as ``sys.version_info``, will not do, in a line; None where it will."""
    found = tuple(version[:2])
    if (3, FIRST) <= found <= (3, LAST):
        return None
    why = "older ones lack parts that it uses" if found < (3, FIRST) else "Hydra 1.3 is not tried on newer ones"
    return (
        f"lrp2-bench needs Python 3.{FIRST} to 3.{LAST} ({why}), and this is {found[0]}.{found[1]}: "
        f"make its environment with `python3.{FIRST} -m venv`."
    )


def require_python() -> None:
    """Ends the command ``lrp2-bench`` with that line; raises ImportError with it for other programs."""
    message = refusal(tuple(sys.version_info[:2]))
    if message is None:
        return
    if str(sys.argv[0] if getattr(sys, "argv", None) else "").replace("\\", "/").split("/")[-1] in _COMMANDS:
        sys.exit(message)
    raise ImportError(message)
