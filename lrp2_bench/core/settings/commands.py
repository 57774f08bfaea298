"""Every option of every command, with its unit and default: the structured configs behind ``conf/``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lrp2_bench.core.settings.parts import (
    ExperimentSettings,
    GridSettings,
    LanguageSettings,
    ModelSettings,
    MoveSettings,
    PathSettings,
    ProbingSettings,
    ProjectionSettings,
    ScoreSettings,
    SearchSettings,
    ShardSettings,
    StatsSettings,
    TokenSettings,
    VectorSettings,
)


@dataclass
class RunCommand:
    """What decides the folder, hits and scores of a run."""

    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: Any = "???"  # instantiated: lrp2_bench.data.dataset.Dataset
    corpus: Any = "???"  # instantiated: lrp2_bench.data.corpus.Corpus
    probing: ProbingSettings = field(default_factory=ProbingSettings)
    vectors: VectorSettings = field(default_factory=VectorSettings)
    grid: GridSettings = field(default_factory=GridSettings)
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    experiment: ExperimentSettings = field(default_factory=ExperimentSettings)
    paths: PathSettings = field(default_factory=PathSettings)
    languages: LanguageSettings = field(default_factory=LanguageSettings)
    stats: StatsSettings = field(default_factory=StatsSettings)
    language: str = "???"  # the language queried
    pivot: str = "en"  # the language knowledge is drawn from
    select_by: str = "transferability"  # the metric that calls a pair best
    seed: int = 0  # of the candidate pools


@dataclass
class SearchCommand(RunCommand):
    """``lrp2-bench search``."""

    tracking: Any = "???"  # instantiated: lrp2_bench.tracking.Tracker
    search: SearchSettings = field(default_factory=SearchSettings)
    shard: ShardSettings = field(default_factory=ShardSettings)
    # columns of pairs.csv: the two that are always there, and others behind them (lrp2_bench/metrics/registry.py)
    metrics: list[str] = field(default_factory=lambda: ["accuracy", "transferability"])
    alignment: bool = True  # how similar parallel queries are at every layer, without and with the best pair
    damage: bool = True  # measure what the best pair costs: the pivot's accuracy under it, KL on neutral sentences
    plan: bool = False  # print what would run, timed on a few facts, and store nothing
    reproduces: str | None = None  # manifest.json whose run this one must equal; --from-manifest sets it


@dataclass
class CheckCommand:
    """``lrp2-bench check``."""

    dataset: Any = "???"  # instantiated: lrp2_bench.data.dataset.Dataset; its path may be given by itself
    model: Any = None  # whose tokenizer is to tell candidates apart; null = none
    languages: list[str] | None = None  # codes and groups, language=de,high for short; null = all
    # CSV file of your own languages, given as languages.path=FILE.csv: code,name,family,articles
    languages_path: str | None = None
    pivot: str = "en"  # the language that others are compared with
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class ScoreCommand(RunCommand):
    """``lrp2-bench score``."""

    tracking: Any = "???"  # instantiated: lrp2_bench.tracking.Tracker
    score: ScoreSettings = field(default_factory=ScoreSettings)
    metrics: list[str] = field(default_factory=list)  # of scores, in score_metrics.csv; [] = all


@dataclass
class BenchCommand:
    """``lrp2-bench bench``."""

    dataset: Any = "???"  # instantiated: lrp2_bench.data.dataset.Dataset
    # mbert, bloom_560m: true sizes, random weights; tiny_mbert, tiny_bloom: trained; names of checkpoints
    models: list[str] = field(default_factory=lambda: ["mbert", "bloom_560m", "tiny_mbert", "tiny_bloom"])
    checkpoints: dict[str, str] = field(default_factory=dict)  # weights for names in models: folder or hub id
    language: str = "de"
    pivot: str = "en"
    # facts a relation, by family; of the shipped models
    facts: dict[str, int] = field(default_factory=lambda: {"masked": 16, "causal": 3, "seq2seq": 8, "shipped": 60})
    # share of a masked model's facts whose object leads its own length for some pair, picked by a first pass; null =
    # the first facts as they come
    leading: float | None = None
    scaling: bool = False  # measure how cost grows with facts, pairs, blocks and candidates instead
    launches: bool = False  # count what a GPU would be told, and how often the host would wait for it, instead
    naive_settings: int = 8  # configurations that the naive evaluators run; seconds are scaled to all
    bfloat16: bool = True  # also run ours in bfloat16, and say how many hits agree
    device: str = "auto"  # auto, cpu, cuda, cuda:N
    seed: int = 0
    output: str = "outputs/bench"
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class VectorsCommand:
    """``lrp2-bench vectors``."""

    model: ModelSettings = field(default_factory=ModelSettings)
    corpus: Any = "???"
    vectors: VectorSettings = field(default_factory=VectorSettings)
    projection: TokenSettings = field(default_factory=TokenSettings)
    paths: PathSettings = field(default_factory=PathSettings)
    language: str = "???"
    output: str | None = None  # folder for LANG.safetensors; null = the cache
    experiment: ExperimentSettings = field(default_factory=ExperimentSettings)


@dataclass
class AnalyzeCommand:
    """``lrp2-bench analyze``."""

    analysis: Any = "???"  # instantiated: lrp2_bench.analyses.base.Analysis
    model: ModelSettings = field(default_factory=ModelSettings)
    dataset: Any = "???"  # instantiated: facts whose queries are looked at
    corpus: Any = "???"  # instantiated: sentences, for language vectors and where an analysis wants sentences
    tracking: Any = "???"  # instantiated: lrp2_bench.tracking.Tracker
    vectors: VectorSettings = field(default_factory=VectorSettings)
    projection: MoveSettings = field(default_factory=MoveSettings)
    experiment: ExperimentSettings = field(default_factory=ExperimentSettings)
    paths: PathSettings = field(default_factory=PathSettings)
    languages: list[str] | None = None  # codes and groups, language=de,high for short; null = the analysis's default
    # CSV file of your own languages, given as languages.path=FILE.csv: code,name,family,articles
    languages_path: str | None = None
    pivot: str = "en"  # the language that others are compared with
    # [LIRP, LSRP], with [.., STRENGTH] or [.., STRENGTH, BACK]; null = the best of the finished search in this
    # experiment, at its strengths
    pair: Any = None
    select_by: str = "transferability"  # the metric that calls a pair best
    # padded tokens a batch; null = 4,096 on CPU, 32,768 on CUDA; of analysis=neurons 1,024 and 16,384
    batch_tokens: int | None = None
    seed: int = 0  # of samples and resamples


@dataclass
class PretrainCommand:
    """``lrp2-bench pretrain``. What is null is the named model's own (lrp2_bench/testbed/specs.py)."""

    # a testbed model by its name: tiny_mbert, tiny_bloom, or one of their no-transfer
    # controls; of the rest, threads count
    model: ModelSettings = field(default_factory=ModelSettings)
    name: str | None = None  # of a model that is changed by one of the following
    languages: list[str] | None = None  # codes; English is always there
    glosses: float | None = None  # share of names that are glossed in English, 0 to 1
    vocabulary: int | None = None  # the tokenizer's entries
    blocks: int | None = None
    hidden: int | None = None  # width of a block
    heads: int | None = None
    positions: int | None = None  # longest sequence of a masked model, in tokens
    epochs: int | None = None  # passes over the facts
    names_every: int | None = None  # a single name occurs in one of this many epochs
    glosses_every: int | None = None  # and a gloss in one of so many
    batch_tokens: int | None = None  # padded tokens a step
    learning_rate: float | None = None  # at its peak
    warmup: float | None = None  # share of the training
    weight_decay: float | None = None
    seed: int | None = None  # of exposure, text, first weights and order
    max_seconds: float | None = None  # ends the training early, for trials
    output: str | None = None  # folder of the checkpoint; null = OUTPUTS/pretrained/NAME
    overwrite: bool = False  # replace a checkpoint that is there
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class DemoCommand:
    """``lrp2-bench demo``."""

    models: list[str] = field(default_factory=lambda: ["tiny_mbert", "tiny_bloom"])
    languages: list[str] | None = None  # null = all that the models were pretrained on
    limit: int | None = 30  # facts a relation; null = all
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class ReportCommand:
    """``lrp2-bench report``."""

    inputs: list[str] = field(default_factory=list)  # folders to look for finished runs in
    models: list[str] = field(default_factory=list)  # report on these alone; [] = all that are found
    output: str | None = None  # folder for the report; null = INPUT/report
    high_from: int = 1_000_000  # Wikipedia articles from which a language is high resource
    medium_from: int = 100_000  # and from which it is medium resource
    languages: LanguageSettings = field(default_factory=LanguageSettings)
    select_by: str = "transferability"
    stats: StatsSettings = field(default_factory=StatsSettings)
    quiet: bool = False  # print the report's folder and nothing else; --quiet and -q say the same
    tracking: Any = "???"  # instantiated: lrp2_bench.tracking.Tracker, gets the report once it is written
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class WorkspaceCommand:
    """``lrp2-bench workspace``."""

    inputs: list[str] = field(default_factory=list)  # folders to look for finished runs in
    output: str | None = None  # folder for workspace.json; null = INPUT/report
    project: str | None = None  # of the W&B runs; null = the one the searches were tracked in
    entity: str | None = None  # team or user; null = that of the searches, else your own
    name: str | None = None  # of the workspace; null = the experiments'
    publish: bool = False  # save it at W&B; false = write workspace.json alone
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class RegretCommand:
    """``lrp2-bench regret``."""

    inputs: list[str] = field(default_factory=list)  # folders to look for finished grids in
    output: str | None = None  # folder for tables; null = INPUT/report
    budgets: list[float] = field(default_factory=lambda: [0.25, 0.15, 0.35, 0.5, 0.75])  # racing: shares of block runs
    trials: list[int] = field(default_factory=lambda: [4, 8, 12])  # tpe: pairs
    seeds: list[int] = field(default_factory=lambda: [0])  # each search is replayed with each
    first: float = 0.0625  # as in search.first
    alpha: float = 0.05  # as in search.alpha
    batch: int = 4  # as in search.batch
    select_by: str = "transferability"
    paths: PathSettings = field(default_factory=PathSettings)


@dataclass
class DashboardCommand:
    """``lrp2-bench dashboard``."""

    inputs: list[str] = field(default_factory=list)  # folders to look for studies in
    output: str | None = None  # the merged studies, a journal; null = INPUT/report/studies.journal
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8080
    open: bool = True  # serve until Ctrl-C; false = merge, say where, and end
    paths: PathSettings = field(default_factory=PathSettings)
