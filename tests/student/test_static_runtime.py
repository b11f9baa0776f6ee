"""A static student predicts what model2vec predicts, by whichever way it goes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from gts.core.errors import NotFound, StorageError
from gts.student.layout import HEAD, WEIGHTS, StudentManifest
from gts.student.runtime import load_student
from gts.student.static_runtime import StaticBackend
from gts.student.stored_table import ArrayTable
from gts.student.tokenizing import SharedTokenizer
from gts.student.writers import write_static

TEXTS = [
    "Where is my parcel?",
    "",
    "   ",
    "\x00\u200b",
    "中文再见 naïve",
    "[SEP] [UNK] parcel",
    "parcel " * 700,
    "x" * 5000,
    "lost\x0bcard \x85 late",
    "💳 lost card\n\nrefund!!",
]


def backends(labels: int, make_tokenizer: Callable[..., Tokenizer]) -> tuple[StaticBackend, StaticBackend]:
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(make_tokenizer().get_vocab_size(), 8)).astype(np.float32)
    weight, bias = rng.normal(size=(labels, 8)).astype(np.float32), rng.normal(size=labels).astype(np.float32)
    tokens, table = SharedTokenizer(make_tokenizer(), "tokens"), ArrayTable(embeddings)
    return tuple(StaticBackend(tokens, table, weight, bias, 12, remember=way) for way in (True, False))


@pytest.mark.parametrize("labels", [3, 20], ids=["folded", "more labels than dimensions"])
def test_both_ways_agree_on_any_text(labels: int, make_tokenizer: Callable[..., Tokenizer]) -> None:
    fast, slow = backends(labels, make_tokenizer)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.one_of(st.text(), st.text(alphabet="parcel lost中\u0301\x0b \u2028.,[]SEP")), max_size=8)
    )
    def check(texts: list[str]) -> None:
        np.testing.assert_allclose(fast.logits(texts), slow.logits(texts), rtol=1e-4, atol=1e-5)

    check()


@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_model2vec_gives_the_same(
    tmp_path: Path,
    tokenizer: Tokenizer,
    arrays: tuple[np.ndarray, ...],
    make_manifest: Callable[..., StudentManifest],
    precision: type,
) -> None:
    from model2vec import StaticModel
    from model2vec.inference import StaticModelPipeline

    embeddings, weight, bias = arrays
    write_static(
        tmp_path, tokenizer, embeddings.astype(precision), weight, bias, make_manifest(max_length=64)
    )
    student = load_student(tmp_path)
    theirs = StaticModel.from_pretrained(tmp_path)
    assert theirs.normalize is False and theirs.max_length == 64
    assert theirs.embedding_dtype == theirs.config["embedding_dtype"] == "int8"
    # Directions are those of the vectors that were given, to what rounding takes.
    given = StaticModel(embeddings, tokenizer, max_length=64)
    kept = [
        one @ two for one, two in zip(*map(unit, (theirs.encode(TEXTS), given.encode(TEXTS))), strict=True)
    ]
    assert min(cosine for cosine in kept if cosine) > 0.999
    pipeline = StaticModelPipeline.from_pretrained(tmp_path)
    np.testing.assert_allclose(student.predict(TEXTS), pipeline.predict_proba(TEXTS), atol=1e-5)
    assert list(pipeline.classes_) == list(student.labels)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_students_whose_table_was_not_rounded_are_still_read(
    static_folder: Path, arrays: tuple[np.ndarray, ...], precision: type
) -> None:
    rounded = load_student(static_folder).logits(TEXTS)
    embeddings, weight, bias = arrays
    save_file({"embeddings": embeddings.astype(precision)}, static_folder / WEIGHTS)
    save_file({"head.0.weight": weight, "head.0.bias": bias}, static_folder / HEAD)
    exact = load_student(static_folder).logits(TEXTS)
    # Each of the 16 products is off by half a step of the rounding at most.
    step = np.abs(embeddings).max() / 127
    assert 0 < np.abs(rounded - exact).max() <= step / 2 * np.abs(weight).sum(axis=1).max() + 0.01


def test_a_table_of_zeros_stays_one(
    tmp_path: Path,
    tokenizer: Tokenizer,
    arrays: tuple[np.ndarray, ...],
    make_manifest: Callable[..., StudentManifest],
) -> None:
    table, weight, bias = arrays
    write_static(tmp_path, tokenizer, np.zeros_like(table), weight, bias, make_manifest())
    np.testing.assert_allclose(load_student(tmp_path).logits(["where is my parcel"])[0], bias, rtol=1e-6)


def test_onnx_files_give_the_same(static_folder: Path, arrays: tuple[np.ndarray, ...]) -> None:
    import onnxruntime

    student = load_student(static_folder)
    tokenizer = Tokenizer.from_file(str(static_folder / "tokenizer.json"))
    texts = ["Where is my parcel?", "中 refund", "€"]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    width = max(map(len, ids))
    inputs = {
        "input_ids": np.array([row + [0] * (width - len(row)) for row in ids], np.int64),
        "attention_mask": np.array([[1] * len(row) + [0] * (width - len(row)) for row in ids], np.int64),
    }
    for name in ("model", "model_quantized"):
        session = onnxruntime.InferenceSession(str(static_folder / f"onnx/{name}.onnx"))
        np.testing.assert_allclose(session.run(["logits"], inputs)[0], student.logits(texts), atol=1e-5)


def test_transformers_loads_the_tokenizer(static_folder: Path) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(static_folder)
    ours = Tokenizer.from_file(str(static_folder / "tokenizer.json"))
    text = "Where is the naïve card?"
    assert (
        theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text, add_special_tokens=False).ids
    )
    assert theirs.unk_token == "[UNK]"


def test_threads_share_a_student(static_folder: Path) -> None:
    student = load_student(static_folder)
    rng = np.random.default_rng(0)
    words = np.array(["parcel", "lost", "card", "late.", "refund", "re-charge", "x1", "y2"])
    texts = [" ".join(rng.choice(words, 9)) + f" n{i}" for i in range(400)]
    expected = load_student(static_folder).predict(texts)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda i: student.predict(texts[i : i + 7]), range(0, 400, 7)))
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)


def test_a_full_memo_starts_afresh(static_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gts.student import static_runtime

    texts = [f"parcel n{i} lost{i} re-charge" for i in range(1500)] + ["x" * 500]
    expected = load_student(static_folder).predict(texts)
    monkeypatch.setattr(static_runtime, "_MEMO_CHUNKS", 50)
    student = load_student(static_folder)
    for _ in range(2):
        np.testing.assert_allclose(student.predict(texts), expected, atol=1e-6)


def test_files_that_do_not_fit_are_refused(static_folder: Path) -> None:
    head = load_file(static_folder / HEAD)
    save_file({name: np.ascontiguousarray(tensor[:2]) for name, tensor in head.items()}, static_folder / HEAD)
    with pytest.raises(StorageError, match="3 labels and embeddings of 16"):
        load_student(static_folder)


def test_a_truncated_table_is_refused(static_folder: Path) -> None:
    path = static_folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StorageError, match=r"model\.safetensors is damaged"):
        load_student(static_folder)


def test_values_that_are_no_numbers_are_refused(static_folder: Path) -> None:
    table = load_file(static_folder / WEIGHTS)["embeddings"].astype(np.float32)
    table[5, 3] = np.nan
    save_file({"embeddings": table}, static_folder / WEIGHTS)
    with pytest.raises(StorageError, match="not finite"):
        load_student(static_folder)


def test_a_missing_file_is_named(static_folder: Path) -> None:
    (static_folder / HEAD).unlink()
    with pytest.raises(NotFound, match=r"head\.safetensors"):
        load_student(static_folder)


def test_a_student_takes_memory_for_what_it_met(static_folder: Path) -> None:
    student, other = load_student(static_folder), load_student(static_folder)
    before = student.memory
    assert before.shared == other.memory.shared and sum(before.shared.values()) > before.own
    student.predict([f"parcel n{number} lost" for number in range(3000)])
    assert student.memory.own > before.own + 3000 * 60
    assert other.memory.own == before.own
