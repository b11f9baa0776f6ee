"""Students for the tests: a static one with a tiny vocabulary, and transformer ones made once for the session."""

from __future__ import annotations

import os

os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import random
import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from gts.student.layout import StudentManifest, TaskInfo
from gts.student.writers import write_static
from gts.tasks.items import certain
from gts.tasks.rows import MarkedRow
from gts.tasks.schema import Schema
from gts.tasks.structures import Argument, Event, Relation, Span, Structure

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


@pytest.fixture(scope="session")
def span_student(
    tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Path, list[MarkedRow]]]:
    """Trains a span student of a task and a trunk, once for the session: its folder, and rows like those it learned from."""
    made: dict[tuple[str, str], Path] = {}

    def make(task: str, trunk: str = "bert") -> tuple[Path, list[MarkedRow]]:
        if (task, trunk) not in made:
            made[task, trunk] = tmp_path_factory.mktemp("spans")
            _train_spans(task, trunk, tiny_encoder, made[task, trunk])
        return made[task, trunk], _span_rows(task, 40, seed=1)

    return make


_SPAN_SCHEMAS = {
    # "goal soup" is a team, in which "soup" is a dish as well.
    "nested": Schema(entities={"dish": {}, "team": {}}),
    "relation": Schema(entities={"team": {}}, relations={"beats": {"head": ["team"], "tail": ["team"]}}),
    "given": Schema(relations={"beats": {}}),
    "event": Schema(events={"meal": {"roles": {"what": ""}}}),
}


def _span_rows(task: str, n: int, seed: int) -> list[MarkedRow]:
    rng = random.Random(seed)
    return [_span_row(task, rng) for _ in range(n)]


def _span_row(task: str, rng: random.Random) -> MarkedRow:
    words = [rng.choice(["please", "again", "today", "how"]) for _ in range(rng.choice([5, 7, 20]))]
    words[1], words[3] = rng.sample(["goal", "match", "coach"], 2)
    words[2] = rng.choice(["very", "not"])
    if task in ("nested", "event"):
        words[2 if task == "nested" else 3] = rng.choice(["soup", "bread", "salt"])
    if task == "event":
        words[1] = "boil"
    starts = np.cumsum([0, *(len(word) + 1 for word in words)]).tolist()
    one, two, three = ((starts[at], starts[at] + len(words[at])) for at in (1, 2, 3))
    text = " ".join(words)
    if task == "nested":
        found = Structure((Span(one[0], two[1], "team"), Span(*two, "dish"), Span(*three, "team")))
        return MarkedRow(text, found.ordered())
    if task == "event":
        event = Event("meal", Span(*one), (Argument("what", *three),))
        return MarkedRow(text, Structure((), (), (event,)))
    head, tail = (Span(*place, "team") for place in (one, three))
    relations = (Relation("beats", head, tail),) if words[2] == "very" else ()
    if task == "given":
        bare = tuple(Relation("beats", Span(*one), Span(*three)) for _ in relations)
        return MarkedRow(text, Structure((), bare), (head, tail))
    return MarkedRow(text, Structure((head, tail), relations))


def _train_spans(task: str, trunk: str, encoder: Path, folder: Path) -> None:
    from gts.student.spans.labels import Lesson
    from gts.student.spans.training import SpanConfig, train

    rows = _span_rows(task, 40, seed=0)
    if trunk == "local":
        from gts.student.spans.local_making import build_local_trunk
        from gts.student.spans.local_warming import Warmth

        encoder = folder / "trunk"
        build_local_trunk([row.text for row in rows], encoder, warmth=Warmth(steps=0))
    config = SpanConfig(steps=100, batch_size=16, learning_rate=1e-3, head_rate=1e-2, length=24, overlap=10)
    lessons = [Lesson(row, certain(row.found or Structure())) for row in rows]
    train(lessons, _SPAN_SCHEMAS[task], encoder, folder, config, given=task == "given")


@pytest.fixture(scope="session")
def span_manifest() -> Callable[..., StudentManifest]:
    """The manifest of a student that :func:`span_student` trains."""

    def make(task: str, /, **changes: object) -> StudentManifest:
        types = {"nested": "ner", "event": "event"}
        values = {
            "task": TaskInfo(name="spans", type=types.get(task, "relation"), language="en"),
            "tier": "mini",
            "looks_for": _SPAN_SCHEMAS[task],
            "entities_given": task == "given",
            "decision": {"entity": 0.4, "relation": 0.4},
            "max_length": 24,
            **changes,
        }
        return StudentManifest(**values)

    return make
