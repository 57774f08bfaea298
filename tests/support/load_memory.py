"""Peak memory of loading a model: ``python -m tests.support.load_memory DIR [PRECISION [QUANTIZATION]]``.

Counts anonymous memory, which nothing but the process gives back: pages of the checkpoint's own file, which is mapped,
go whenever someone needs the room. Prints a JSON object of bytes.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from lrp2_bench.core.settings import ModelSettings, Precision, Quantization


def anonymous_bytes() -> int:
    """Of this process, now."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024


def main(folder: str, precision: str = "float32", quantization: str | None = None) -> None:
    from transformers import AutoModelForCausalLM
    from transformers.models.llama import modeling_llama

    from lrp2_bench.models.loading import find_checkpoint, load_model

    assert AutoModelForCausalLM and modeling_llama  # imported before anything is counted
    settings = ModelSettings(
        path=folder, device="cpu", precision=Precision(precision), cache=str(Path(folder) / "cache"),
        quantization=Quantization(quantization) if quantization else None,
    )  # fmt: skip
    before = peak = anonymous_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, anonymous_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        model = load_model(find_checkpoint(settings), settings).model
    finally:
        done.set()
        watching.join()
    kept = sum(each.numel() * each.element_size() for each in model.parameters())
    print(json.dumps({"kept": kept, "peak": peak - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
