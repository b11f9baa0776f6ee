"""What computes the logits of a published student of text pairs; without torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gts.student.layout import WEIGHTS, damaged
from gts.student.onnx_runtime import run_session
from gts.student.pairs.head import PairHead, pair_features
from gts.student.pairs.lessons import Pair
from gts.student.pairs.order import in_order
from gts.student.pairs.tensors import EMBEDDING, load_head, load_table
from gts.student.static_runtime import StaticBackend
from gts.tasks.overlap import overlap_features

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

_KEPT_VECTORS = 20_000
_KEPT_CHARS = 10_000_000
"""Most characters of the texts whose vectors are remembered: 20,000 long texts would fill the memory."""
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


class CrossBackend:
    """Reads both texts of a pair at once; safe to call from several threads."""

    def __init__(self, tokenizer: Tokenizer, session: InferenceSession, max_length: int) -> None:
        tokenizer.enable_truncation(max_length)
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._session = session

    def logits(self, pairs: Sequence[Pair]) -> Floats:
        """Logits [n]."""
        # One pair at a time: the tokenizer's batch methods take every core of the machine.
        ids = [self._tokenizer.encode(*in_order(pair)).ids for pair in pairs]
        return run_session(self._session, "logits", ids, 1, _BATCH_TOKENS)[:, 0]

    def embed(self, texts: Sequence[str]) -> None:
        """None: there is no vector of one text."""


class VectorBackend:
    """Reads each text by itself and remembers its vector; safe to call from several threads.

    Args:
        vectors: Gives vectors [n, d] of texts.
        head: Compares two of them.
        kept: Most vectors that are remembered, the least recently used being forgotten first.
        kept_chars: Most characters that their texts have together.
    """

    def __init__(
        self,
        vectors: Callable[[list[str]], Floats],
        head: PairHead,
        kept: int = _KEPT_VECTORS,
        kept_chars: int = _KEPT_CHARS,
    ) -> None:
        self._vectors = vectors
        self._head = head
        self._kept = kept
        self._kept_chars = kept_chars
        self._known: OrderedDict[str, Floats] = OrderedDict()
        self._chars = 0
        self._lock = Lock()

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


def bi_backend(
    folder: Path, tokenizer: Tokenizer, session: InferenceSession, max_length: int
) -> VectorBackend:
    """The backend of a bi-encoder.

    Raises:
        NotFound: Its head is missing.
        StorageError: Its head is damaged.
    """
    tokenizer.enable_truncation(max_length)
    tokenizer.no_padding()
    head = load_head(folder)

    def vectors(texts: list[str]) -> Floats:
        ids = [tokenizer.encode(text).ids for text in texts]
        return run_session(session, EMBEDDING, ids, head.width, _BATCH_TOKENS)

    return VectorBackend(vectors, head)


def static_backend(folder: Path, tokenizer: Tokenizer, max_length: int) -> VectorBackend:
    """The backend of a static student.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    table, head = load_table(folder), load_head(folder)
    if table.shape[1] != head.width or len(table) != tokenizer.get_vocab_size(with_added_tokens=True):
        raise damaged(folder / WEIGHTS, "its table fits neither the head nor the tokenizer")
    width = table.shape[1]
    # With an identity for a head, the table's own rows are what it averages.
    means = StaticBackend(
        tokenizer, table, np.eye(width, dtype=np.float32), np.zeros(width, np.float32), max_length
    )

    def vectors(texts: list[str]) -> Floats:
        found = means.logits(texts)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)

    return VectorBackend(vectors, head)
