"""``make demo``: the whole job on two tiny random models and the facts that ship with the package, then its report.

Random models know nothing, so the numbers mean nothing; the files, the commands and their order are the real ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lrp2_bench.cli import main
from lrp2_bench.data.cldr_corpus import CldrCorpus
from lrp2_bench.notices import Notices
from tests.support.models import build_model

LANGUAGES = ("de", "zh")
OUTPUTS = Path("outputs")


def run() -> int:
    models = OUTPUTS / "demo" / "models"
    texts = [text for language in ("en", *LANGUAGES) for text in CldrCorpus(500).sentences(language, Notices())]
    for name, architecture in (("random_bert", "bert"), ("random_bloom", "bloom")):
        if not (models / name / "config.json").exists():
            build_model(models / name, architecture, texts, blocks=6, hidden=64, vocab=3000)
    common = ["dataset=cldr", "dataset.limit=40", "corpus=cldr", "corpus.sentences=500", "experiment.name=demo"]
    for name in ("random_bert", "random_bloom"):
        model = ["model=hf", f"model.path={models / name}"]
        for language in (f"language={','.join(LANGUAGES)}", "language=en"):
            kind = [] if language != "language=en" else ["search=baseline"]
            code = main(["search", "-m", *model, *common, language, *kind])
            if code:
                return code
    code = main(["report", str(OUTPUTS / "demo")])
    print(f"\nThe models are random, so these numbers mean nothing; the files do. Look at {OUTPUTS / 'demo'}.")
    return code


if __name__ == "__main__":
    sys.exit(run())
