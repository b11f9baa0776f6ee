"""Students for the tests: a static one with a tiny vocabulary, and transformer ones made once for the session."""

from __future__ import annotations

import os

os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from gts.student.layout import StudentManifest, TaskInfo
from gts.student.writers import write_static

WORDS = [
    "where",
    "is",
    "my",
    "parcel",
    "refund",
    "charge",
    "the",
    "card",
    "lost",
    "late",
    "money",
    "再",
    "见",
    "ß",
    "naïve",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bert_tokenizer(*, lowercase: bool = True) -> Tokenizer:
    """BERT's form with a vocabulary of about a hundred tokens."""
    letters = list(string.ascii_lowercase + string.digits + ".,!?'()-$")
    pieces = [
        *SPECIAL,
        *letters,
        *[f"##{letter}" for letter in string.ascii_lowercase],
        *WORDS,
        "##s",
        "##el",
    ]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def manifest(**changes: object) -> StudentManifest:
    values = {
        "task": TaskInfo(name="support", language="en"),
        "labels": ("billing", "delivery", "../../x"),
        "tier": "static",
        **changes,
    }
    return StudentManifest(**values)


@pytest.fixture(scope="session")
def make_manifest() -> Callable[..., StudentManifest]:
    return manifest


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Tokenizer]:
    return bert_tokenizer


@pytest.fixture
def tokenizer() -> Tokenizer:
    return bert_tokenizer()


@pytest.fixture
def arrays(tokenizer: Tokenizer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    size = tokenizer.get_vocab_size()
    return (
        rng.normal(size=(size, 16)).astype(np.float32),
        rng.normal(size=(3, 16)).astype(np.float32),
        rng.normal(size=3).astype(np.float32),
    )


@pytest.fixture
def static_folder(tmp_path: Path, tokenizer: Tokenizer, arrays: tuple[np.ndarray, ...]) -> Path:
    folder = tmp_path / "static"
    write_static(folder, tokenizer, *arrays, manifest())
    return folder
