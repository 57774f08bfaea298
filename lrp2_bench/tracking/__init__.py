"""Tracking: what a finished job sends to the outside world, Weights & Biases or nothing."""

from lrp2_bench.tracking.base import JobRecord, NoTracker, ReportRecord, StartedJob, Tracker
from lrp2_bench.tracking.wandb_tracker import WandbTracker

__all__ = ["JobRecord", "NoTracker", "ReportRecord", "StartedJob", "Tracker", "WandbTracker"]
