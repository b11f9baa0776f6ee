"""What computes the logits of a published student of text pairs; without torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gts.student.layout import WEIGHTS, damaged
from gts.student.onnx_runtime import run_session
from gts.student.pairs.head import PairHead, pair_features
from gts.student.pairs.lessons import Pair
from gts.student.pairs.order import in_order
from gts.student.pairs.tensors import EMBEDDING, load_head
from gts.student.sessions import Session
from gts.student.shared import Memory
from gts.student.static_runtime import StaticBackend
from gts.student.stored_table import StoredTable
from gts.student.tokenizing import SharedTokenizer, shared_tokenizer
from gts.tasks.overlap import overlap_features

Floats = NDArray[np.float32]

_KEPT_VECTORS = 20_000
_KEPT_CHARS = 10_000_000
"""Most characters of the texts whose vectors are remembered: 20,000 long texts would fill the memory."""
_ENTRY_BYTES = 300
"""Of a vector and its text, beside their contents."""
_BATCH_TOKENS = 512
"""On one core, batches of 32 pairs of 54 tokens were 1.4 times slower than batches of 8 (benchmarks/LOG.md)."""


class PairBackend(Protocol):
    """What turns pairs into logits."""

    def logits(self, pairs: Sequence[Pair]) -> Floats:
        """Logits [n], before calibration."""
        ...

    def embed(self, texts: Sequence[str]) -> Floats | None:
        """Unit vectors [n, d], or None where texts are not read by themselves."""
        ...

    @property
    def memory(self) -> Memory:
        """What it takes."""
        ...


class CrossBackend:
    """Reads both texts of a pair at once; safe to call from several threads."""

    def __init__(self, tokens: SharedTokenizer, session: Session) -> None:
        self._tokens = tokens
        self._session = session

    @property
    def memory(self) -> Memory:
        """What it takes."""
        return Memory(0, {**self._session.memory, **self._tokens.memory})

    def logits(self, pairs: Sequence[Pair]) -> Floats:
        """Logits [n]."""
        # One pair at a time: the tokenizer's batch methods take every core of the machine.
        ids = [self._tokens.tokenizer.encode(*in_order(pair)).ids for pair in pairs]
        return run_session(self._session, "logits", ids, 1, _BATCH_TOKENS)[:, 0]

    def embed(self, texts: Sequence[str]) -> None:
        """None: there is no vector of one text."""


class VectorBackend:
    """Reads each text by itself and remembers its vector; safe to call from several threads.

    Args:
        vectors: Gives vectors [n, d] of texts.
        head: Compares two of them.
        reader: What gives the vectors takes, without what is remembered here.
        kept: Most vectors that are remembered, the least recently used being forgotten first.
        kept_chars: Most characters that their texts have together.
    """

    def __init__(
        self,
        vectors: Callable[[list[str]], Floats],
        head: PairHead,
        reader: Callable[[], Memory] = Memory,
        kept: int = _KEPT_VECTORS,
        kept_chars: int = _KEPT_CHARS,
    ) -> None:
        self._vectors = vectors
        self._head = head
        self._reader = reader
        self._kept = kept
        self._kept_chars = kept_chars
        self._known: OrderedDict[str, Floats] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

    @property
    def memory(self) -> Memory:
        """What it takes; grows with the texts it has met."""
        known = len(self._known) * (4 * self._head.width + _ENTRY_BYTES) + 2 * self._chars
        return self._reader() + Memory(known)

    def logits(self, pairs: Sequence[Pair]) -> Floats:
        """Logits [n]."""
        vectors = self.embed([text for pair in pairs for text in pair])
        surface = overlap_features(pairs)
        return self._head.logits(pair_features(vectors[::2], vectors[1::2], surface))

    def embed(self, texts: Sequence[str]) -> Floats:
        """Unit vectors [n, d]; a text that was seen before is not read again."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        new = list(dict.fromkeys(text for text in texts if text not in found))
        if new:
            # Copies: a row of an array, remembered, would keep all of the array.
            found.update(zip(new, (vector.copy() for vector in self._vectors(new)), strict=True))
        with self._lock:
            for text, vector in found.items():
                self._chars += 0 if text in self._known else len(text)
                self._known[text] = vector
                self._known.move_to_end(text)
            while len(self._known) > self._kept or self._chars > self._kept_chars:
                self._chars -= len(self._known.popitem(last=False)[0])
        if not texts:
            return np.zeros((0, self._head.width), np.float32)
        return np.stack([found[text] for text in texts])


def bi_backend(folder: Path, tokens: SharedTokenizer, session: Session) -> VectorBackend:
    """The backend of a bi-encoder.

    Args:
        folder: The student folder.
        tokens: Its tokenizer, which cuts texts to what the student reads.
        session: Its network.

    Raises:
        NotFound: Its head is missing.
        StorageError: Its head is damaged.
    """
    head = load_head(folder)

    def vectors(texts: list[str]) -> Floats:
        ids = [tokens.tokenizer.encode(text).ids for text in texts]
        return run_session(session, EMBEDDING, ids, head.width, _BATCH_TOKENS)

    return VectorBackend(vectors, head, lambda: Memory(0, {**session.memory, **tokens.memory}))


def static_backend(folder: Path, max_length: int) -> VectorBackend:
    """The backend of a static student.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    tokens = shared_tokenizer(folder)
    table, head = StoredTable(folder, WEIGHTS, "embeddings"), load_head(folder)
    if table.shape != (tokens.size, head.width):
        raise damaged(folder / WEIGHTS, "its table fits neither the head nor the tokenizer")
    means = StaticBackend(tokens, table, None, None, max_length)

    def vectors(texts: list[str]) -> Floats:
        found = means.logits(texts)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)

    return VectorBackend(vectors, head, lambda: means.memory)
