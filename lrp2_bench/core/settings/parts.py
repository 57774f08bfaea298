"""The parts that commands share, every option with its unit and default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Precision(Enum):
    """The element type in which the blocks' matrices are multiplied; states and the head stay in float32."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Quantization(Enum):
    """How bitsandbytes packs the blocks' matrices, in 8 or 4 bits an element; they are unpacked for each product."""

    int8 = "int8"
    nf4 = "nf4"


class ModelFamily(Enum):
    """How a model is asked: with masks in place of the object, by scoring whole sentences from left to right, or
    (encoder-decoders) with a sentinel in place of the object, which the decoder scores."""

    auto = "auto"
    masked = "masked"
    causal = "causal"
    seq2seq = "seq2seq"


class SearchKind(Enum):
    """Which settings are evaluated: the baseline, given pairs or every layer pair beside it, or the pairs a search
    picks."""

    baseline = "baseline"
    pairs = "pairs"
    grid = "grid"
    tpe = "tpe"
    racing = "racing"


class SentenceScore(Enum):
    """How a score is made of tokens: of a causal model's filled sentence, of an encoder-decoder's object."""

    sum = "sum"
    mean = "mean"


class ProjectionTokens(Enum):
    """Which tokens language vectors are averaged over, and which are moved in queries."""

    all = "all"  # every one, as in the paper
    text = "text"  # not the special ones: begin, end, class, separator; a mask is where the answer is read, and moves
    # the last one of text alone; of candidates' sentences the last that they all begin with, before they differ
    last = "last"


@dataclass
class ModelSettings:
    """A Hugging Face checkpoint."""

    path: str = "???"  # folder, hub id or GGUF file (FILE.gguf, OWNER/NAME/FILE.gguf)
    revision: str | None = None  # branch, tag or commit of a hub id
    name: str | None = None  # MODEL of the output folder; null = the last part of path (of a GGUF file: its stem)
    precision: Precision = Precision.float32
    family: ModelFamily = ModelFamily.auto  # auto = by its architecture; matters where that has heads of both kinds
    quantization: Quantization | None = None  # null = as the checkpoint is
    # null = one device; auto = blocks where there is room, GPUs first, then memory, then disk; or {MODULE: DEVICE, ...}
    device_map: Any = None
    device: str = "auto"  # auto, cpu, cuda, cuda:N; auto = cuda where there is one
    threads: int | None = None  # CPU threads; null = PyTorch's own choice
    cache: str = "~/.cache/lrp2_bench"  # for GGUF files, converted, and digests; commands set it to paths.cache


class Templates(Enum):
    """Which of a fact's wordings are asked."""

    first = "first"  # the probe's
    all = "all"  # every one; a row of hits is a fact in one of them


@dataclass
class ProbingSettings:
    """How facts become queries and scores."""

    # candidates a fact: its own object and pool_size - 1 others; null = the full pool;
    # auto = as in the paper: the full pool for masked models, 10 for causal ones (and for encoder-decoders)
    pool_size: Any = "auto"
    # of causal models' sentences and encoder-decoders' objects; null = sum for the former, mean for the latter
    sentence_score: SentenceScore | None = None
    filtered: bool = False  # other true objects of a fact's subject leave its pool; rivals are drawn from untrue ones
    templates: Templates = Templates.first  # first, or all: hits are averaged over a fact's paraphrases
    closing_sentinel: bool = False  # encoder-decoders: count the sentinel that closes the object as one of its tokens


@dataclass
class VectorSettings:
    """Where language vectors come from: computed from the corpus and cached, or read from files."""

    path: str | None = None  # folder with LANG.safetensors; null = compute and cache
    batch_tokens: int | None = None  # padded tokens a batch; null = 4,096 on CPU, 32,768 on CUDA


@dataclass
class GridSettings:
    """How the engine cuts its work."""

    memory_gb: float | None = (
        None  # GiB for the engine's own tensors; null = a quarter of what is free, 1 on CPU at most
    )
    batch_tokens: int | None = None  # tokens that pass a block at once; null = 1,024 on CPU, 32,768 on CUDA
    # first compute log-partitions in bfloat16 with an error bound (float32 models); null = where a trial is faster
    rough_log_partitions: bool | None = None


@dataclass
class SearchSettings:
    """What is searched and which pair is called best."""

    kind: SearchKind = SearchKind.grid
    pairs: Any = None  # pairs: [[LIRP,LSRP],[LIRP,LSRP,STRENGTH],[LIRP,LSRP,STRENGTH,STRENGTH_BACK],...]
    strengths: list[float] | None = None  # grid, racing, tpe: each pair at each of them; null = projection.strength
    strengths_back: list[float] | None = None  # each of those with each of these on the way back; null = the same
    strength_range: list[float] | None = None  # tpe: [LEAST,MOST] that strengths are chosen from
    strength_back_range: list[float] | None = None  # tpe: the same of the way back; null = as on the way there
    trials: int = 20  # tpe: pairs to evaluate, on all facts
    batch: int = 4  # tpe: pairs suggested before the first result; they run together
    first: float = 0.0625  # racing: share of the facts that all pairs see; it doubles from rung to rung
    budget: float | None = 0.25  # racing: share of the grid's block runs to spend; null = drop by statistics alone
    alpha: float = 0.05  # racing: chance that statistics drop the truly best pair
    seed: int = 0  # of the sampler, and of the order of facts
    storage: str | None = None  # database of the Optuna study, as a URL; null = a journal in the run's folder
    heartbeat: int = 60  # seconds between heartbeats in that database


@dataclass
class ScoreSettings:
    """What is scored in full, beside the baseline."""

    # layer pairs, [[LIRP,LSRP],[LIRP,LSRP,STRENGTH],...]; [] = the baseline alone; null = the best pair of the finished
    # search in the same folder
    settings: Any = None
    prior: bool = True  # also score each relation's query without its subject, for the prior-corrected metrics


@dataclass
class ShardSettings:
    """One job split over several by relation: in any order, on any machine; the last to finish writes the tables."""

    count: int = 1  # jobs that share the relations
    index: int = 0  # which of them this one is, from 0


#: The projection that is the method itself, which all others are compared with.
LRP2 = "lrp2"


@dataclass
class ProjectionSettings:
    """LRP2, or another intervention that is registered (lrp2_bench/interventions/registry.py)."""

    kind: str = LRP2
    seed: int = 0  # of random directions, and of who is shuffled with whom
    language: str | None = None  # whose vectors other_pivot projects into, or shuffled uses; null = drawn (shuffled)
    # the languages that are shuffled, or compared (recover, subspace); null = all of the dataset's
    among: list[str] | None = None
    tokens: ProjectionTokens = ProjectionTokens.all  # averaged and moved: all, text (special ones left out), or last
    rank: int | None = None  # subspace: directions taken out; null = languages - 1, at most 16
    dimensions: float = 0.05  # sparse: share of the dimensions that are moved, above 0, up to 1
    # random directions, as far in KL as the best pair, that it is compared with in draws.csv; their seeds are seed, ...
    seeds: int = 0
    keep_norm: bool = False  # recover: scale each state back to the length it had
    strength: float = 1.0  # what the move is multiplied by, above 0; search.strengths searches several
    strength_back: float | None = None  # the same of the way back, 0 for none; null = strength


@dataclass
class TokenSettings:
    """What of a projection matters where nothing is searched."""

    tokens: ProjectionTokens = ProjectionTokens.all  # averaged and moved: all, text (special ones left out), or last


@dataclass
class MoveSettings(TokenSettings):
    """The same where a pair is looked at: a search's folder is found by its strengths too."""

    strength: float = 1.0  # what the move is multiplied by, above 0; pair=[LIRP,LSRP,STRENGTH] names its own
    strength_back: float | None = None  # the same of the way back, 0 for none; null = strength


@dataclass
class StatsSettings:
    """What reports and a search's last lines count by."""

    # facts that stand or fall together: auto (country on dataset=cldr, else subject), country, subject, or fact (none)
    cluster: str = "auto"
    equivalence_margin: float = 0.5  # points to either side of 0 that are no effect, for tests of equivalence (TOST)


@dataclass
class LanguageSettings:
    """Languages of the user's own, for groups, names and tables; no number depends on it."""

    path: str | None = None  # CSV file: code,name,family,articles; of languages that the benchmark does not know


@dataclass
class ExperimentSettings:
    name: str = "default"  # EXPERIMENT of the output folder (an ablation's: NAME/PROJECTION), and the W&B group


@dataclass
class PathSettings:
    outputs: str = "outputs"  # output root
    cache: str = "~/.cache/lrp2_bench"  # downloads, language vectors, baselines and converted GGUF files
