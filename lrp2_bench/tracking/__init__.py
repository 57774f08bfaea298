"""Tracking: what a finished job tells the outside world, Weights & Biases or nothing."""

from lrp2_bench.tracking.base import JobRecord, NoTracker, Tracker
from lrp2_bench.tracking.wandb_tracker import WandbTracker

__all__ = ["JobRecord", "NoTracker", "Tracker", "WandbTracker"]
