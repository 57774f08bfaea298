"""Saves a workspace at W&B, on request; all that can be known beforehand is an error before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.tracking.client import import_wandb
from lrp2_bench.tracking.connection import Connection, choose, requested_mode
from lrp2_bench.tracking.workspace import Dashboard, build_workspace, packages


def publish(dashboard: Dashboard) -> str:
    """Save the workspace as a new view of its project and return its address.

    Raises BenchError where the packages are missing, W&B is offline or cannot be reached, nobody is logged in, or the
    server refuses.
    """
    packages()
    wandb: Any = import_wandb()
    connection = _connection(wandb)
    try:
        with _logged_in(connection):
            if dashboard.entity is None:
                dashboard = replace(dashboard, entity=wandb.Api().default_entity)
            workspace = build_workspace(dashboard)
            workspace.save()
            address: str = workspace.url
    except Exception as error:  # the packages raise what their server's answer trips
        raise BenchError(
            f"W&B at {connection.base_url} did not take the workspace ({type(error).__name__}: {error}).\n"
            f"Is the key good (`wandb login --relogin`), and is there a project '{dashboard.project}' of "
            f"'{dashboard.entity or 'you'}'? Syncing a run makes one; project= and entity= name another."
        ) from error
    return address


def _connection(wandb: Any) -> Connection:
    mode = requested_mode("auto")
    if mode in ("offline", "disabled"):
        raise BenchError(
            f"W&B is {mode} by WANDB_MODE or WANDB_DISABLED, so no workspace can be published. Unset it: publish=true."
        )
    connection = choose("auto", wandb.setup(settings=wandb.Settings(silent=True)).settings)
    if connection.mode != "online":
        raise BenchError(
            f"The workspace cannot be published: {connection.reason}.\n"
            "Log in with `wandb login`, or set WANDB_API_KEY, on a machine with a network; WANDB_BASE_URL names a "
            "server of your own. Without publish=true the workspace is written as a file."
        )
    return connection


@contextmanager
def _logged_in(connection: Connection) -> Iterator[None]:
    """The key and host that were found, handed to W&B: it does not go looking, and so cannot come to prompt."""
    wanted = {"WANDB_BASE_URL": connection.base_url, "WANDB_API_KEY": connection.api_key, "WANDB_SILENT": "true"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: value for name, value in wanted.items() if value})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
