"""Libraries that publish and load through the Hub, unmodified: only ``HF_ENDPOINT`` says where."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_lab import Platform, running_platform, write_static, write_transformer

from gts.registry.values import Kind

HF = str(Path(sys.executable).with_name("hf"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("libraries"), sqlite_template) as platform:
        yield platform


def last_line(output: str) -> object:
    return json.loads(output.splitlines()[-1])


def test_transformers_push_and_load(hub: Platform, tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "model")
    script = f"""
        import json
        from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
        model = AutoModelForSequenceClassification.from_pretrained({str(folder)!r})
        tokenizer = AutoTokenizer.from_pretrained({str(folder)!r})
        model.push_to_hub("ann/pushed", private=True)
        tokenizer.push_to_hub("ann/pushed", revision="main")
        texts = ["Where is my parcel", "refund please"]
        local = pipeline("text-classification", model=model, tokenizer=tokenizer)
        print(json.dumps([p(texts) for p in (pipeline("text-classification", "ann/pushed"), local)]))
    """
    remote, local = last_line(hub.run_client(script, HF_TOKEN=hub.write))
    assert remote == local
    assert hub.registry.get("ann", "pushed").private
    assert hub.registry.verify("ann", "pushed") == ()


def test_sentence_transformers_push_and_load(hub: Platform, tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "model")
    script = f"""
        import json
        from sentence_transformers import SentenceTransformer
        local = SentenceTransformer({str(folder)!r})
        local.push_to_hub("ann/sentences")
        remote = SentenceTransformer("ann/sentences")
        print(json.dumps([model.encode(["refund please"]).tolist() for model in (local, remote)]))
    """
    local, remote = last_line(hub.run_client(script, HF_TOKEN=hub.write))
    assert local == remote


def test_model2vec_push_and_load(hub: Platform, tmp_path: Path) -> None:
    folder = write_static(tmp_path / "model")
    script = f"""
        import json
        from model2vec import StaticModel
        local = StaticModel.from_pretrained({str(folder)!r})
        local.push_to_hub("ann/static")
        remote = StaticModel.from_pretrained("ann/static")
        print(json.dumps([model.encode(["refund please"]).tolist() for model in (local, remote)]))
    """
    local, remote = last_line(hub.run_client(script, HF_TOKEN=hub.write))
    assert local == remote
    assert hub.registry.get("ann", "static").card["library_name"] == "model2vec"


def test_datasets_load_what_is_published(hub: Platform, tmp_path: Path) -> None:
    for split, count in (("train", 5), ("test", 2)):
        rows = [json.dumps({"text": f"text {n}", "label": "a"}) for n in range(count)]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows), "utf-8")
    card = "---\nlicense: mit\ntask_categories: [text-classification]\n---\n# Texts\n"
    (tmp_path / "README.md").write_text(card)
    hub.registry.publish("ann", "texts", tmp_path, "first", "ann", kind=Kind.DATASET)
    hub.registry.set_private("ann", "texts", True, kind=Kind.DATASET)
    script = """
        import json, datasets
        loaded = datasets.load_dataset("ann/texts")
        streamed = datasets.load_dataset("ann/texts", split="test", streaming=True)
        print(json.dumps([{split: len(rows) for split, rows in loaded.items()}, list(streamed)]))
    """
    sizes, streamed = last_line(hub.run_client(script, HF_TOKEN=hub.read))
    assert sizes == {"train": 5, "test": 2}
    assert streamed == [{"text": f"text {n}", "label": "a"} for n in range(2)]


def test_datasets_push_and_load(hub: Platform) -> None:
    script = """
        import json, datasets
        rows = {"text": ["a", "b"], "label": [0, 1]}
        datasets.Dataset.from_dict(rows).push_to_hub("ann/rows", private=True)
        print(json.dumps(datasets.load_dataset("ann/rows")["train"].to_dict()))
    """
    output = hub.run_client(script, HF_TOKEN=hub.write, HF_HUB_DISABLE_XET="1")
    assert last_line(output) == {"text": ["a", "b"], "label": [0, 1]}
    assert hub.registry.verify("ann", "rows", kind=Kind.DATASET) == ()


def test_the_file_system_reads_and_writes(hub: Platform) -> None:
    hub.repository("files", kind=Kind.DATASET)
    script = """
        import json
        from huggingface_hub import HfFileSystem
        files = HfFileSystem()
        with files.open("datasets/ann/files/a/b.txt", "w") as handle:
            handle.write("hello")
        files.invalidate_cache()
        found = files.glob("datasets/ann/files/**/*.txt")
        print(json.dumps([found, files.cat(found[0]).decode(), files.ls("datasets/ann/files", detail=False)]))
    """
    found, content, listed = last_line(hub.run_client(script, HF_TOKEN=hub.write))
    assert (found, content) == (["datasets/ann/files/a/b.txt"], "hello")
    assert set(listed) == {"datasets/ann/files/.gitattributes", "datasets/ann/files/a"}


def test_the_hf_command_works(hub: Platform, tmp_path: Path) -> None:
    folder = write_static(tmp_path / "model")

    def hf(*arguments: str) -> str:
        return hub.run([HF, *arguments], HF_TOKEN=hub.write)

    assert "ann" in hf("auth", "whoami")
    hf("upload", "ann/cli", str(folder), ".", "--private")
    hf("repos", "tag", "create", "ann/cli", "v1")
    hf("download", "ann/cli", "--revision", "v1", "--local-dir", str(tmp_path / "there"))
    for file in folder.iterdir():
        assert (tmp_path / "there" / file.name).read_bytes() == file.read_bytes()
    hf("repos", "create", "ann/cli", "--type", "dataset")
    assert "ann/cli" in hf("datasets", "ls", "--author", "ann", "--format", "json")
    hf("repos", "branch", "create", "ann/cli", "side")
    hf("repos", "settings", "ann/cli", "--public")
    assert not hub.registry.get("ann", "cli").private
    assert "ann/cli" in hf("models", "ls", "--author", "ann", "--format", "json")
    hf("repos", "move", "ann/cli", "ann/moved")
    hf("repos", "delete-files", "ann/moved", "tokenizer.json")
    revision = hub.registry.resolve("ann", "moved")
    assert "tokenizer.json" not in {file.path for file in hub.registry.files(revision)}
    hf("repos", "delete", "ann/moved", "--yes")
    assert "ann/moved" not in {repository.id for repository in hub.registry.list().items}
