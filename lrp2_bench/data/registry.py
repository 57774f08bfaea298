"""The datasets of facts and the corpora of sentences by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrp2_bench.core.registry import Registry

if TYPE_CHECKING:  # the command line knows the names without NumPy
    from lrp2_bench.data.corpus import Corpus
    from lrp2_bench.data.dataset import Dataset

#: Settings of every dataset, which pick some of its facts (lrp2_bench/data/selection.py), and their defaults.
SELECTION: dict[str, Any] = {"facts": None, "sample": None, "sample_seed": 0, "sample_languages": None}

DATASETS: Registry[type[Dataset]] = Registry(
    "dataset",
    "lrp2_bench.datasets",
    "lrp2_bench.data.dataset:Dataset",
    {
        "bmlama": "lrp2_bench.data.successors.bmlama:BMlama",
        "cldr": "lrp2_bench.data.cldr.dataset:CldrDataset",
        "geomlama": "lrp2_bench.data.successors.geomlama:GeoMlama",
        "klar": "lrp2_bench.data.successors.klar:Klar",
        "mlama": "lrp2_bench.data.mlama:MLama",
        "mpararel": "lrp2_bench.data.successors.mpararel:MParaRel",
        "table": "lrp2_bench.data.table.dataset:TableDataset",
        "xfactr": "lrp2_bench.data.xfactr.dataset:XFactr",
    },
)

CORPORA: Registry[type[Corpus]] = Registry(
    "corpus",
    "lrp2_bench.corpora",
    "lrp2_bench.data.corpus:Corpus",
    {
        "cldr": "lrp2_bench.data.cldr.corpus:CldrCorpus",
        "opus100": "lrp2_bench.data.opus.corpus:OpusCorpus",
        "tatoeba": "lrp2_bench.data.tatoeba:TatoebaCorpus",
        "text": "lrp2_bench.data.text:TextCorpus",
    },
)
