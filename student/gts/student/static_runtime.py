"""Predicting with a static student: a text's logits are the mean of its tokens' rows in one small table.

Head and embeddings are folded into one table when the student is loaded (labels are usually fewer than dimensions),
and the rows of whole chunks are remembered, so that a text costs one table row per word. Which tokens
count is model2vec's rule: long texts are cut to ``max_length`` tokens (and before that to that many times the median token's
characters), special tokens are not added, the unknown token is left out; a text without tokens gets the bias alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.fast_tokens import ChunkMemo, ChunkRules, chunk_rules, encode
from gts.student.layout import (
    HEAD,
    HEAD_BIAS,
    HEAD_WEIGHT,
    TOKENIZER,
    WEIGHTS,
    StudentManifest,
    damaged,
    required_file,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

_MEMO_BYTES = 32 << 20
_MEMO_CHUNKS = 200_000
_BATCH_TEXTS = 256
_BATCH_CHARS = 1 << 17


class StaticBackend:
    """Logits of texts from a token table; safe to call from several threads.

    Args:
        tokenizer: The student's tokenizer; its truncation and padding are switched off.
        embeddings: Token vectors [vocabulary, dim].
        weight: Head [labels, dim].
        bias: Head [labels].
        max_length: Tokens read of each text.
        remember: Whether to use the chunk memo where the tokenizer allows it.
    """

    variant = "fp32"

    def __init__(
        self,
        tokenizer: Tokenizer,
        embeddings: NDArray[Any],
        weight: Floats,
        bias: Floats,
        max_length: int,
        *,
        remember: bool = True,
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._max_chars = max_length * _median_token_chars(tokenizer)
        self._bias = bias
        # Folding pays while it narrows the table; beyond that the head is applied to the mean.
        self._weight = None if len(weight) <= weight.shape[1] else weight
        folded = embeddings.astype(np.float32) if self._weight is not None else _fold(embeddings, weight)
        self._table = _with_counts(folded, unknown_id(tokenizer))
        self._rules: ChunkRules | None = chunk_rules(tokenizer) if remember else None
        capacity = min(_MEMO_CHUNKS, max(4096, _MEMO_BYTES // (4 * self._table.shape[1])))
        self._memo = ChunkMemo(tokenizer, self._rules, capacity) if self._rules else None
        self._rows = np.zeros((4096, self._table.shape[1]), np.float32)
        self._lock = Lock()

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits [n, labels]."""
        out = np.empty((len(texts), self._table.shape[1]), np.float32)
        for start, stop in _batches(texts, self._max_chars):
            cut = [text[: self._max_chars] for text in texts[start:stop]]
            out[start:stop] = self._sums(cut)
        means = out[:, :-2] / np.maximum(out[:, -2:-1], 1)
        scores = means if self._weight is None else means @ self._weight.T
        return (scores + self._bias).astype(np.float32, copy=False)

    def _sums(self, texts: list[str]) -> Floats:
        """Sums of table rows for each text; the last two columns count the tokens that count, and all."""
        if self._rules is None or self._memo is None:
            return self._sums_by_tokenizer(texts)
        pieces = [self._rules.chunks(text) for text in texts]
        sums = self._sums_by_memo(self._memo, [chunks or [] for chunks in pieces])
        slow = [i for i, chunks in enumerate(pieces) if chunks is None or sums[i, -1] > self._max_length]
        if slow:
            sums[slow] = self._sums_by_tokenizer([texts[i] for i in slow])
        return sums

    def _sums_by_tokenizer(self, texts: Sequence[str]) -> Floats:
        ids = [encode(self._tokenizer, text)[: self._max_length] for text in texts]
        return _segment_sums(self._table, _flat(ids), _lengths(ids))

    def _sums_by_memo(self, memo: ChunkMemo, chunked: Sequence[list[str]]) -> Floats:
        flat = [chunk for chunks in chunked for chunk in chunks]
        with self._lock:
            try:
                memo.make_room()
                numbers = np.fromiter(map(memo.__getitem__, flat), np.int64, len(flat))
                self._add_rows(memo.new_ids(), memo.rows)
            except BaseException:
                # A number without its row would give wrong answers from then on.
                memo.forget()
                raise
            return _segment_sums(self._rows, numbers, _lengths(chunked))

    def _add_rows(self, ids: list[Sequence[int]], stop: int) -> None:
        if stop > len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros((stop, self._rows.shape[1]), np.float32)])
        self._rows[stop - len(ids) : stop] = _segment_sums(self._table, _flat(ids), _lengths(ids))


def load_static(folder: Path, manifest: StudentManifest) -> StaticBackend:
    """Read a static student's files.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    tokenizer = load_tokenizer(folder)
    weights, head = load_tensors(folder, WEIGHTS), load_tensors(folder, HEAD)
    embeddings = _tensor(weights, "embeddings", 2, folder / WEIGHTS)
    weight = _tensor(head, HEAD_WEIGHT, 2, folder / HEAD).astype(np.float32)
    bias = _tensor(head, HEAD_BIAS, 1, folder / HEAD).astype(np.float32)
    tokens, labels = tokenizer.get_vocab_size(with_added_tokens=True), len(manifest.labels)
    if len(embeddings) != tokens:
        raise damaged(
            folder / WEIGHTS, f"it has {len(embeddings)} token vectors, the tokenizer {tokens} tokens"
        )
    if weight.shape != (labels, embeddings.shape[1]) or bias.shape != (labels,):
        raise damaged(
            folder / HEAD,
            f"weight {weight.shape} and bias {bias.shape} do not fit {labels} labels and embeddings of "
            f"{embeddings.shape[1]} dimensions",
        )
    backend = StaticBackend(tokenizer, embeddings, weight, bias, manifest.max_length)
    if not np.isfinite(backend.logits([""])).all() or not np.isfinite(embeddings).all():
        raise damaged(folder / WEIGHTS, "it holds values that are not finite numbers")
    return backend


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read ``tokenizer.json``.

    Raises:
        NotFound: It is missing.
        StorageError: It is damaged.
    """
    from tokenizers import Tokenizer

    path = required_file(folder, TOKENIZER)
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception for a file it cannot read
        raise damaged(path, str(error)) from error


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """Id of the token that stands for unknown text, if there is one."""
    token = getattr(tokenizer.model, "unk_token", None)
    return None if token is None else tokenizer.token_to_id(token)


def load_tensors(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """Read a file of weights.

    Raises:
        NotFound: It is missing.
        StorageError: It is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = required_file(folder, name)
    try:
        return load_file(path)
    except (SafetensorError, KeyError, AttributeError) as error:
        raise damaged(path, str(error)) from error


def _tensor(tensors: dict[str, NDArray[Any]], name: str, dimensions: int, path: Path) -> NDArray[Any]:
    if name not in tensors or tensors[name].ndim != dimensions:
        raise damaged(path, f"it holds no tensor {name!r} of {dimensions} dimensions")
    return tensors[name]


def _median_token_chars(tokenizer: Tokenizer) -> int:
    return int(np.median([len(token) for token in tokenizer.get_vocab()]))


def _fold(embeddings: NDArray[Any], weight: Floats) -> Floats:
    """``embeddings @ weight.T`` without a float32 copy of the whole embedding table."""
    out = np.empty((len(embeddings), len(weight)), np.float32)
    for start in range(0, len(embeddings), 4096):
        out[start : start + 4096] = embeddings[start : start + 4096].astype(np.float32) @ weight.T
    return out


def _with_counts(table: Floats, unknown: int | None) -> Floats:
    """Two more columns: 1 for a token that counts (0 for the unknown one, whose row is emptied), and 1 for any."""
    out = np.ones((len(table), table.shape[1] + 2), np.float32)
    out[:, :-2] = table
    if unknown is not None:
        out[unknown, :-1] = 0
    return out


def _batches(texts: Sequence[str], max_chars: int) -> Iterator[tuple[int, int]]:
    """Ranges of texts that together stay small."""
    start = chars = 0
    for index, text in enumerate(texts):
        size = min(len(text), max_chars)
        if index > start and (index - start == _BATCH_TEXTS or chars + size > _BATCH_CHARS):
            yield start, index
            start, chars = index, 0
        chars += size
    if start < len(texts):
        yield start, len(texts)


def _flat(ids: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    return np.array([number for row in ids for number in row], np.int64)


def _lengths(rows: Sequence[Sequence[object]]) -> NDArray[np.int64]:
    return np.fromiter(map(len, rows), np.int64, len(rows))


def _segment_sums(table: Floats, numbers: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
    """Sums of ``table[numbers]`` over consecutive segments, an empty segment giving zeros; [segments, columns]."""
    out = np.zeros((len(lengths), table.shape[1]), np.float32)
    filled = lengths > 0
    if filled.any():
        starts = (np.cumsum(lengths) - lengths)[filled]
        out[filled] = np.add.reduceat(table.take(numbers, axis=0), starts, axis=0)
    return out
