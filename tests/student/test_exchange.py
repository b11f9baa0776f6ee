from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from gts.core.errors import InvalidInput
from gts.student.exchange.archives import pack, unpack
from gts.student.exchange.mlflow import save_mlflow, student_in
from gts.student.exchange.transformers_js import write_transformers_js
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.runtime import load_student
from gts.student.writers import write_static

TEXTS = ["where is my parcel", "refund please", "parcel parcel refund", "what"]
LABELS = ("billing", "delivery")
JS = Path(__file__).parents[1] / "js"


@pytest.fixture
def student(tmp_path: Path) -> Path:
    words = ["[UNK]", "[CLS]", "[SEP]", "parcel", "refund", "where", "my", "is", "please"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    table = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    head = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
    folder = tmp_path / "tickets"
    manifest = StudentManifest(task=TaskInfo(name="tickets"), labels=LABELS, tier="static", max_length=32)
    write_static(folder, tokenizer, table, head, np.array([0.1, -0.1], np.float32), manifest)
    (folder / "README.md").write_text("# tickets\n")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["student.tar", "student.tar.gz", "student.tgz"])
def test_an_archive_gives_back_the_same_files(student: Path, tmp_path: Path, name: str) -> None:
    pack(student, tmp_path / name)
    unpack(tmp_path / name, tmp_path / "back")
    assert files(tmp_path / "back") == files(student)


def test_the_same_files_make_the_same_archive(student: Path, tmp_path: Path) -> None:
    pack(student, tmp_path / "one.tar.gz")
    for path in student.rglob("*"):
        path.touch()
    pack(student, tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_an_archive_of_a_folder_is_read_without_the_folder(student: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(student, "./tickets")
    unpack(tmp_path / "a.tar.gz", tmp_path / "back")
    assert files(tmp_path / "back") == files(student)


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 1) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size = kind, target, size if kind == tarfile.REGTYPE else 0
    return found


@pytest.mark.parametrize(
    "evil",
    [
        member("../outside"),
        member("/outside"),
        member("a/../../outside"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.LNKTYPE, "../outside"),
        member("pipe", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda m: f"{m.name}-{m.type!r}",
)
def test_nothing_leaves_the_folder(tmp_path: Path, evil: tarfile.TarInfo) -> None:
    archive = archive_of(tmp_path / "evil.tar", member("gts.json"), evil)
    target = tmp_path / "in" / "side"
    try:
        unpack(archive, target)
    except InvalidInput:
        pass
    assert not (tmp_path / "outside").exists() and not (tmp_path / "in" / "outside").exists()
    assert not Path("/outside").exists()
    inside = list(target.rglob("*")) if target.exists() else []
    assert all(not path.is_symlink() and (path.is_file() or path.is_dir()) for path in inside)


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b" + b"\0" * 30])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"a\.tar\.gz"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "back")


@pytest.mark.filterwarnings("ignore")  # MLflow warns of its own code
def test_mlflow_loads_it_and_no_pickle_is_written(student: Path, tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas

    save_mlflow(student, tmp_path / "model")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    expected = load_student(student).answer([{"text": text} for text in TEXTS])
    assert loaded.predict(TEXTS) == expected
    assert loaded.predict(pandas.DataFrame({"text": TEXTS})) == expected
    assert {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()} <= {
        "",
        ".txt",
        ".yaml",
        ".json",
        ".md",
        ".safetensors",
        ".onnx",
    }
    inside = student_in(tmp_path / "model")
    assert inside is not None and files(inside) == files(student)
    assert student_in(student) is None


@pytest.mark.filterwarnings("ignore")
def test_a_static_student_is_no_model_of_transformers(student: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="static"):
        save_mlflow(student, tmp_path / "model", "transformers")
    with pytest.raises(InvalidInput, match="flavor"):
        save_mlflow(student, tmp_path / "model", "keras")


def probabilities(folder: Path, name: str, text: str) -> np.ndarray:
    """What transformers.js does: tokenize with the tokens its file asks for, run the graph, softmax."""
    import onnxruntime

    encoded = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text)
    session = onnxruntime.InferenceSession(str(folder / name))
    feed = {"input_ids": np.array([encoded.ids]), "attention_mask": np.array([encoded.attention_mask])}
    logits = session.run(["logits"], feed)[0][0]
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


@pytest.mark.parametrize("name", ["onnx/model.onnx", "onnx/model_quantized.onnx"])
def test_the_layout_of_transformers_js_says_the_same(student: Path, tmp_path: Path, name: str) -> None:
    write_transformers_js(student, tmp_path / "js")
    expected = load_student(student).predict(TEXTS)
    found = np.stack([probabilities(tmp_path / "js", name, text) for text in TEXTS])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    labels = json.loads((tmp_path / "js" / "config.json").read_text())["id2label"]
    assert labels == {"0": "billing", "1": "delivery"}


@pytest.mark.skipif(
    shutil.which("node") is None or not (JS / "node_modules").is_dir(),
    reason="Node with transformers.js is needed: npm install --ignore-scripts in tests/js",
)
@pytest.mark.parametrize("dtype", ["fp32", "q8"])
def test_transformers_js_itself_says_the_same(student: Path, tmp_path: Path, dtype: str) -> None:
    write_transformers_js(student, tmp_path / "js")
    command = ["node", str(JS / "classify.mjs"), str(tmp_path / "js"), dtype]
    done = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [{row["label"]: row["score"] for row in rows} for rows in json.loads(done.stdout)]
    found = np.array([[row[label] for label in LABELS] for row in told])
    np.testing.assert_allclose(found, load_student(student).predict(TEXTS), atol=1e-5)


def test_spans_have_no_pipeline_in_transformers_js(tmp_path: Path) -> None:
    from gts.student.layout import write_manifest

    write_manifest(tmp_path, StudentManifest(task=TaskInfo(name="people", type="ner"), tier="static"))
    with pytest.raises(InvalidInput, match="ner student"):
        write_transformers_js(tmp_path, tmp_path / "js")
