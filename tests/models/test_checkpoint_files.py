"""The digest covers what decides scores, and nothing else: every file that is read, no file that is not."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import sha256_file, sha256_json
from lrp2_bench.models.checkpoint_files import deciding_files
from tests.support.loading import find, load_as

INDEX = "model.safetensors.index.json"


def former_digest(folder: Path) -> str:
    """As commit 4160f55 computed it."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in {".json", ".safetensors", ".txt", ".model"}]
    return sha256_json({p.name: sha256_file(p) for p in files if p.name not in {"README.txt", "manifest.json"}})


def _split(folder: Path, *names: str) -> None:
    """The weights in as many files, and an index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    where = {key: names[number % len(names)] for number, key in enumerate(weights)}
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        part = {key: weight for key, weight in weights.items() if where[key] == name}
        save_file(part, folder / name, {"format": "pt"})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))


@pytest.mark.parametrize(
    "name",
    [
        "generation_config.json", "chat_template.json", "chat_template.jinja", "trainer_state.json", "README.txt",
        "requirements.txt", "consolidated.safetensors", "model.fp16.safetensors", "model-00003-of-00002.safetensors",
        INDEX, "pytorch_model.bin.index.json", "training_args.bin",
    ],
)  # fmt: skip
def test_a_file_that_decides_nothing_changes_no_digest_but_the_former_one_where_that_covered_it(
    name: str, bert_copy: Path
) -> None:
    before = find(bert_copy)
    assert before.digest == former_digest(bert_copy) and before.other_digest is None
    (bert_copy / name).write_text("{}")
    after = find(bert_copy)
    assert after.digest == before.digest
    assert (after.other_digest or after.digest) == former_digest(bert_copy)
    assert load_as(bert_copy).blocks == 4


@pytest.mark.parametrize(
    "name",
    ["vocab.txt", "special_tokens_map.json", "added_tokens.json", "merges.txt", "spiece.model", "bpe.codes", "x.spm"],
)
def test_a_file_that_a_tokenizer_may_read_changes_the_digest(name: str, bert_copy: Path) -> None:
    before = find(bert_copy).digest
    (bert_copy / name).write_text("{}")
    assert find(bert_copy).digest != before


def test_a_folder_with_a_files_name_is_no_file(bert_copy: Path) -> None:
    before = find(bert_copy).digest
    (bert_copy / "logs.txt").mkdir()
    assert find(bert_copy).digest == before


def test_weights_in_shards_count_with_their_index_and_strays_do_not(bert_copy: Path) -> None:
    _split(bert_copy, "a.safetensors", "parts/b.safetensors")
    before, state = find(bert_copy).digest, load_as(bert_copy).model.state_dict()
    (bert_copy / "stray.safetensors").write_bytes(b"never read")
    assert find(bert_copy).digest == before
    assert {"a.safetensors", "parts/b.safetensors", INDEX} <= set(deciding_files(bert_copy))
    part = load_file(bert_copy / "parts" / "b.safetensors")
    changed = next(key for key in part if key.endswith("bias"))
    part[changed][0] += 1
    save_file(part, bert_copy / "parts" / "b.safetensors", {"format": "pt"})
    assert find(bert_copy).digest != before
    assert not load_as(bert_copy).model.state_dict()[changed].equal(state[changed])


def test_an_index_that_names_absent_files_is_refused_with_their_names(bert_copy: Path) -> None:
    _split(bert_copy, "a.safetensors", "b.safetensors")
    (bert_copy / "b.safetensors").unlink()
    with pytest.raises(BenchError, match=r"lacks 1 of the 2 files of weights.*\(b.safetensors\)"):
        find(bert_copy)


@pytest.mark.parametrize("name", ["../a.safetensors", "/a.safetensors"])
def test_an_index_that_leaves_its_folder_is_refused(name: str, bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").unlink()
    (bert_copy / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"x": name}}))
    with pytest.raises(BenchError, match=f"outside of its folder \\({name}\\)"):
        find(bert_copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"x": 1}}'])
def test_an_index_that_cannot_be_read_is_refused(content: str, bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").unlink()
    (bert_copy / INDEX).write_text(content)
    with pytest.raises(BenchError, match="is not an index of weights"):
        find(bert_copy)


def test_weights_by_another_name_are_named(bert_copy: Path) -> None:
    (bert_copy / "model.safetensors").rename(bert_copy / "consolidated.safetensors")
    with pytest.raises(BenchError, match=r"It has consolidated.safetensors, but neither model.safetensors nor"):
        find(bert_copy)


def test_every_file_that_is_opened_while_a_model_loads_is_in_its_digest_or_decides_nothing(
    bert_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(bert_copy / "tokenizer_config.json", bert_copy / "special_tokens_map.json")
    for name in ("generation_config.json", "added_tokens.json", "processor_config.json", "preprocessor_config.json"):
        (bert_copy / name).write_text("{}")
    (bert_copy / "additional_chat_templates").mkdir()
    (bert_copy / "additional_chat_templates" / "tool.jinja").write_text("x")
    opened: set[str] = set()
    real = builtins.open

    def watched(file: object, *arguments: object, **named: object) -> object:
        if str(file).startswith(str(bert_copy)):
            opened.add(str(Path(str(file)).relative_to(bert_copy)))
        return real(file, *arguments, **named)  # type: ignore[call-overload]

    checkpoint = find(bert_copy)
    monkeypatch.setattr(builtins, "open", watched)
    load_as(bert_copy)
    opened -= {"additional_chat_templates/tool.jinja", "generation_config.json"}
    assert {"config.json", "tokenizer_config.json"} <= opened <= set(deciding_files(checkpoint.folder))
