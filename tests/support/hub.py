"""A model of the Hugging Face hub, served by a web server on this machine, and a cache for it that is empty."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support.loopback import Answer, Loopback, loopback

COMMIT = "0123456789abcdef0123456789abcdef01234567"
#: As of a repository whose terms were not accepted.
GATED = Answer(status=403, headers={"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted."})


@contextmanager
def empty_hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A hub that knows no model yet."""
    with loopback() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        yield hub


def add_model(
    hub: Loopback,
    hub_id: str,
    files: Mapping[str, bytes],
    revision: str = "main",
    refusal: Answer | Callable[[int], Answer] | None = None,
) -> None:
    """``files`` at ``revision``, a branch or a commit; every file is answered with ``refusal`` where that is given."""
    commit = revision if len(revision) == len(COMMIT) else COMMIT
    info = {"id": hub_id, "modelId": hub_id, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
    tree = [{"type": "file", "path": name, "size": len(content), "oid": "0"} for name, content in files.items()]
    for name in (revision, commit):
        hub.answers[f"/api/models/{hub_id}/revision/{name.replace('/', '%2F')}"] = _json(info)
        hub.answers[f"/api/models/{hub_id}/tree/{name.replace('/', '%2F')}"] = _json(tree)
    if revision == "main":
        hub.answers[f"/api/models/{hub_id}"] = _json(info)
    for name, content in files.items():
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        hub.answers[f"/{hub_id}/resolve/{commit}/{name}"] = refusal or Answer(content, headers=headers)


def _json(value: object) -> Answer:
    return Answer(json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def files_of(folder: Path) -> dict[str, bytes]:
    """By their names, as a repository holds them."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
