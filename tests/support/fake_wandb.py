"""W&B without an account: nothing of this machine's, and a server on the loopback with the few answers it needs."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

KEY = "k" * 40


class FakeWandb(http.server.ThreadingHTTPServer):
    """The few answers that syncing a run and saving a workspace need; keeps what it was sent, workspaces in ``views``.
    ``status`` other than 200 refuses all."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.sent: list[tuple[str, bytes]] = []
        self.views: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections cut short are none of the test's business."""

    def lines(self, name: str) -> list[Any]:
        """The lines streamed to the file ``name``, as JSON."""
        chunks = [json.loads(body).get("files", {}) for path, body in self.sent if path.endswith("file_stream")]
        return [json.loads(line) for chunk in chunks if name in chunk for line in chunk[name]["content"]]


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeWandb

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.sent.append((self.path, body))
        answer = json.dumps({"data": self.data(body)} if self.server.status == 200 else {"errors": [{"message": "no"}]})
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    do_GET = do_PUT = do_POST

    def data(self, body: bytes) -> dict[str, Any]:
        if self.path != "/graphql":
            return {}
        request = json.loads(body)
        values = request.get("variables") or {}
        project = {"name": "lrp2-bench", "entity": {"name": "me"}}
        if "UpsertBucket" in request["query"]:
            bucket = {"id": "1", "name": values.get("name"), "displayName": "", "project": project}
            return {"upsertBucket": {"bucket": bucket | {"historyLineCount": 0}, "inserted": True}}
        if "mutation CreateArtifact " in request["query"]:
            artifact = {"id": "1", "state": "COMMITTED", "artifactSequence": {"id": "1", "latestArtifact": None}}
            return {"createArtifact": {"artifact": artifact}}
        if "CreateRunFiles" in request["query"]:
            files = [{"name": name, "uploadUrl": f"{self.server.url}/{name}"} for name in values["files"]]
            return {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": files}}
        if "viewer {" in request["query"]:
            teams: dict[str, list[Any]] = {"edges": []}
            return {"viewer": {"id": "1", "entity": "me", "username": "me", "email": "", "flags": "{}", "teams": teams}}
        if "UpsertView2" in request["query"]:
            self.server.views.append(values)
            return {"upsertView": {"view": {"id": "1", "name": values["name"]}, "inserted": True}}
        return {}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(server: FakeWandb) -> Iterator[FakeWandb]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def of_no_account(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    """No key, setting or running service of this machine is seen, ``home`` (made here) is empty; skips without W&B."""
    wandb = pytest.importorskip("wandb")
    for name in [name for name in os.environ if name.startswith("WANDB_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("NETRC", raising=False)
    home.mkdir()
    yield
    wandb.teardown()
