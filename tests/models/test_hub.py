"""A model of the hub: found in its cache, with its commit; what cannot be had is told at once, with the next step."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings
from lrp2_bench.models.loading import load_model
from tests.support.loading import edit, find
from tests.support.loopback import Answer, Loopback, loopback

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cached(bert_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The hub's cache with the small BERT as ``acme/tiny``, as older clients leave it; the hub is a closed port."""
    repository = tmp_path / "hub" / "models--acme--tiny"
    for name in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (repository / name).mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    for file in bert_copy.iterdir():
        blob = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, repository / "blobs" / blob)
        (repository / "snapshots" / COMMIT / file.name).symlink_to(Path("../../blobs") / blob)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return repository


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_cached_model_is_found_at_once_without_the_hub_and_its_commit_recorded(
    revision: str | None, cached: Path, bert_copy: Path
) -> None:
    start = time.perf_counter()
    checkpoint = find("acme/tiny", revision)
    assert time.perf_counter() - start < 10
    assert checkpoint.folder == cached / "snapshots" / COMMIT
    assert checkpoint.revision == COMMIT
    assert checkpoint.digest == find(bert_copy).digest
    settings = ModelSettings(path="acme/tiny", device="cpu")
    assert load_model(checkpoint, settings).blocks == 4


def test_offline_mode_finds_a_cached_model(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find("acme/tiny").revision == COMMIT
    with pytest.raises(BenchError, match="Cannot get model 'acme/none'"):
        find("acme/none")


@pytest.mark.parametrize(
    ("name", "revision"),
    [("acme/none", None), ("plain-name", None), ("acme/tiny", "v2"), ("acme/none", COMMIT), ("acme/tiny", "f" * 40)],
)
def test_a_hub_that_cannot_be_reached_is_told_at_once_with_the_next_step(
    name: str, revision: str | None, cached: Path
) -> None:
    start = time.perf_counter()
    with pytest.raises(BenchError, match=rf"(?s)Cannot get model '{name}'.* hub: .*refused.*model.path=DIR") as told:
        find(name, revision)
    assert time.perf_counter() - start < 10
    assert (f"at revision '{revision}'" in str(told.value)) == (revision is not None)


def test_a_cached_model_that_is_not_whole_is_refused(cached: Path) -> None:
    (cached / "snapshots" / COMMIT / "model.safetensors").unlink()
    with pytest.raises(BenchError, match="no weights in safetensors"):
        find("acme/tiny")


def test_a_model_the_hub_does_not_know_is_told(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", hub.address)
        hub.answers["/api/models/acme/none/revision/main"] = Answer(
            status=404, headers={"X-Error-Code": "RepoNotFound"}
        )
        with pytest.raises(BenchError, match="(?s)Cannot get model 'acme/none'.*404"):
            find("acme/none")
        assert hub.requests


def test_an_error_of_the_hubs_client_is_told_like_any_other(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StrangeError(Exception):
        """As HTTP clients raise for a proxy: none of the hub's errors, no OSError."""

    def fail(*arguments: object, **options: object) -> None:
        raise StrangeError("403 from the proxy\nand more")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    with pytest.raises(BenchError, match="hub: 403 from the proxy\n"):
        find("acme/none")


@pytest.mark.parametrize("path", ["/no/such/folder", "./no-such-folder", "~/no-such-folder", "a/b/c"])
def test_a_local_path_that_is_not_there_is_not_asked_of_the_hub(path: str) -> None:
    with pytest.raises(BenchError, match=f"(?s)There is no folder '{path}'.*model.path=DIR"):
        find(path)


@pytest.mark.parametrize(
    "path", ["my model", "C:\\models\\bert", "a" * 97, "acme/..none", "acme/none ", "acme/none@main"]
)
def test_what_can_be_no_id_of_the_hub_is_not_asked_of_it(path: str) -> None:
    with pytest.raises(BenchError, match="(?s)it is no id of the hub: that is NAME or ORG.*model.path=DIR") as error:
        find(path)
    assert ("model.path=acme/none model.revision=main" in str(error.value)) == ("@" in path)


def test_a_path_that_the_system_refuses_to_look_at_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"model.path: 'x{200}\.\.\.' cannot be looked at: File name too long"):
        find("x" * 300)


def test_a_mistyped_folder_suggests_the_nearest(bert_copy: Path) -> None:
    with pytest.raises(BenchError, match=f"Did you mean '{bert_copy}'"):
        find(bert_copy.with_name("bertt"))


def test_a_cache_that_does_not_say_which_commit_is_main_names_the_setting_that_finds_it(cached: Path) -> None:
    (cached / "refs" / "main").unlink()
    with pytest.raises(BenchError, match="(?s)Cannot get model 'acme/tiny'.*give model.revision=") as told:
        find("acme/tiny")
    advice = str(told.value).split("give model.revision=")[1].split(".")[0]
    assert find("acme/tiny", advice).revision == COMMIT
    with pytest.raises(BenchError, match=f"give model.revision={COMMIT}"):
        find("acme/tiny", "v2")


@pytest.fixture
def hub(bert_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A hub with the small BERT as ``acme/tiny``, and an empty cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with loopback() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.address)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", served.address)
        url = served.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        serve(served, bert_copy)
        yield served


def serve(hub: Loopback, folder: Path) -> None:
    files = sorted(path.name for path in folder.iterdir())
    info = {"id": "acme/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
    answer = Answer(json.dumps(info).encode(), headers={"Content-Type": "application/json"})
    for path in ("", "/revision/main", f"/revision/{COMMIT}"):
        hub.answers[f"/api/models/acme/tiny{path}"] = answer
    tree = [{"type": "file", "path": name, "oid": "0" * 40, "size": (folder / name).stat().st_size} for name in files]
    hub.answers[f"/api/models/acme/tiny/tree/{COMMIT}"] = replace(answer, body=json.dumps(tree).encode())
    for name in files:
        body = (folder / name).read_bytes()
        tag = hashlib.sha256(body).hexdigest() if name.endswith(".safetensors") else hashlib.sha1(body).hexdigest()
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT}
        hub.answers[f"/acme/tiny/resolve/{COMMIT}/{name}"] = Answer(body, headers=headers)


def _asked(hub: Loopback) -> set[str]:
    return {request.path.rpartition("/")[2] for request in hub.requests if "/resolve/" in request.path}


def test_a_model_is_fetched_whole_where_its_configuration_is_one_that_runs(hub: Loopback, bert_copy: Path) -> None:
    checkpoint = find("acme/tiny")
    assert checkpoint.revision == COMMIT and checkpoint.digest == find(bert_copy).digest
    assert "model.safetensors" in _asked(hub)
    order = [request.path.rpartition("/")[2] for request in hub.requests]
    assert order.index("config.json") < order.index("model.safetensors")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "canine"}, "CANINE reads characters"),
        ({"model_type": "no-such-architecture"}, "Unknown architecture"),
        ({"model_type": "custom", "auto_map": {"AutoConfig": "evil.Config"}}, "code that comes with a checkpoint"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised by 'gptq'"),
        ({"transformers_weights": "other.safetensors"}, "Weights by another name"),
    ],
)
def test_no_weights_are_fetched_of_a_model_that_is_refused(
    changes: dict[str, object], told: str, hub: Loopback, bert_copy: Path
) -> None:
    edit(bert_copy / "config.json", **changes)
    serve(hub, bert_copy)
    with pytest.raises(BenchError, match=told):
        find("acme/tiny")
    assert _asked(hub) == {"config.json", "tokenizer_config.json"}


def test_no_weights_are_fetched_of_an_adapter(hub: Loopback, bert_copy: Path) -> None:
    (bert_copy / "adapter_config.json").write_text('{"base_model_name_or_path": "acme/base"}')
    serve(hub, bert_copy)
    with pytest.raises(BenchError, match="adapter of the base model 'acme/base'"):
        find("acme/tiny")
    assert "model.safetensors" not in _asked(hub)
