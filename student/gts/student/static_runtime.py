"""Predicting with a static student: a text's logits are the head's answer to the mean of its tokens' vectors.

The vectors stay in their file. What the head says of each token that was met is remembered, and of each word of a text, the chunks
between blanks, so that a text costs one short row per word, and a student that was asked little takes little memory. Which tokens
count is model2vec's rule: long texts are cut to ``max_length`` tokens (and before that to that many times the median token's
characters), special tokens are not added, the unknown token is left out; a text without tokens gets the bias alone.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.student.fast_tokens import ChunkMemo, ChunkRules, encode
from gts.student.layout import HEAD, HEAD_BIAS, HEAD_WEIGHT, WEIGHTS, StudentManifest, damaged, required_file
from gts.student.shared import Memory
from gts.student.stored_table import StoredTable, TokenTable
from gts.student.tokenizing import SharedTokenizer, shared_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

_MEMO_BYTES = 32 << 20
_MEMO_CHUNKS = 200_000
_FIRST_ROWS = 64
_BATCH_TEXTS = 256
_BATCH_CHARS = 1 << 17
_READ_TOKENS = 4096
"""Tokens whose vectors are read at once."""
_PAGE_BYTES = 4096


class StaticBackend:
    """Logits of texts from a token table; safe to call from several threads.

    Args:
        tokens: The student's tokenizer, which neither cuts nor pads.
        table: Token vectors [vocabulary, dim].
        weight: Head [labels, dim]; None: the mean vectors themselves are wanted, and there is no bias.
        bias: Head [labels].
        max_length: Tokens read of each text.
        remember: Whether to use the chunk memo where the tokenizer allows it.
    """

    variant = "fp32"

    def __init__(
        self,
        tokens: SharedTokenizer,
        table: TokenTable,
        weight: Floats | None,
        bias: Floats | None,
        max_length: int,
        *,
        remember: bool = True,
    ) -> None:
        self._tokens = tokens
        self._table = table
        self._max_length = max_length
        self._max_chars = max_length * tokens.token_chars
        self._bias = bias
        self._unknown = unknown_id(tokens.tokenizer)
        # A head pays at once while it narrows the rows; beyond that it is applied to the mean.
        narrows = weight is not None and len(weight) <= table.shape[1]
        self._first: Floats | None = weight if narrows else None
        self._last: Floats | None = None if narrows else weight
        self._columns = 2 + (table.shape[1] if self._first is None else len(self._first))
        self._rules: ChunkRules | None = tokens.rules if remember else None
        capacity = min(_MEMO_CHUNKS, max(4096, _MEMO_BYTES // (4 * self._columns)))
        self._memo = ChunkMemo(tokens.tokenizer, self._rules, capacity) if self._rules else None
        self._rows = np.zeros((_FIRST_ROWS, self._columns), np.float32)
        self._folded = _zeros(table.shape[0], self._columns)
        self._known = np.zeros(table.shape[0], bool)
        self._met = 0
        self._lock = Lock()

    @property
    def memory(self) -> Memory:
        """What it takes; grows with the words it has met."""
        held = sum(
            part.nbytes for part in (self._first, self._last, self._bias, self._rows) if part is not None
        )
        memo = 0 if self._memo is None else self._memo.bytes
        met = min(self._folded.nbytes, self._met * max(_PAGE_BYTES, 4 * self._columns))
        return Memory(held + memo + met, self._tokens.memory)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits [n, labels]."""
        out = np.empty((len(texts), self._columns), np.float32)
        for start, stop in _batches(texts, self._max_chars):
            cut = [text[: self._max_chars] for text in texts[start:stop]]
            out[start:stop] = self._sums(cut)
        scores = out[:, :-2] / np.maximum(out[:, -2:-1], 1)
        if self._last is not None:
            scores = scores @ self._last.T
        if self._bias is not None:
            scores += self._bias
        return scores.astype(np.float32, copy=False)

    def _sums(self, texts: list[str]) -> Floats:
        """Sums over the tokens of each text; the last two columns count the tokens that count, and all."""
        if self._rules is None or self._memo is None:
            return self._sums_by_tokenizer(texts)
        pieces = [self._rules.chunks(text) for text in texts]
        sums = self._sums_by_memo(self._memo, [chunks or [] for chunks in pieces])
        slow = [i for i, chunks in enumerate(pieces) if chunks is None or sums[i, -1] > self._max_length]
        if slow:
            sums[slow] = self._sums_by_tokenizer([texts[i] for i in slow])
        return sums

    def _sums_by_tokenizer(self, texts: Sequence[str]) -> Floats:
        return self._sums_of([encode(self._tokens.tokenizer, text)[: self._max_length] for text in texts])

    def _sums_by_memo(self, memo: ChunkMemo, chunked: Sequence[list[str]]) -> Floats:
        flat = [chunk for chunks in chunked for chunk in chunks]
        with self._lock:
            try:
                if memo.make_room():
                    self._rows = np.zeros((_FIRST_ROWS, self._columns), np.float32)
                numbers = np.fromiter(map(memo.__getitem__, flat), np.int64, len(flat))
                if new := memo.new_ids():
                    self._add_rows(new, memo.rows)
            except BaseException:
                # A number without its row would give wrong answers from then on.
                memo.forget()
                raise
            return _segment_sums(self._rows, numbers, _lengths(chunked))

    def _add_rows(self, ids: list[Sequence[int]], stop: int) -> None:
        if stop > len(self._rows):
            more = max(stop, len(self._rows))  # room for as many again
            self._rows = np.concatenate([self._rows, np.zeros((more, self._columns), np.float32)])
        self._rows[stop - len(ids) : stop] = self._sums_of(ids)

    def _sums_of(self, ids: Sequence[Sequence[int]]) -> Floats:
        """Sums over each list of tokens [lists, columns]."""
        flat = _flat(ids)
        new = np.unique(flat[~self._known[flat]])
        for start in range(0, len(new), _READ_TOKENS):
            self._meet(new[start : start + _READ_TOKENS])
        return _segment_sums(self._folded, flat, _lengths(ids))

    def _meet(self, tokens: NDArray[np.int64]) -> None:
        vectors = self._table.rows(tokens)
        counts = tokens != self._unknown
        folded = vectors if self._first is None else vectors @ self._first.T
        self._folded[tokens, :-2] = folded * counts[:, None]
        self._folded[tokens, -2] = counts
        self._folded[tokens, -1] = 1
        self._known[tokens] = True  # last: another thread may be looking
        self._met += len(tokens)


def load_static(folder: Path, manifest: StudentManifest) -> StaticBackend:
    """Read a static student's files.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    tokens = shared_tokenizer(folder)
    table, head = StoredTable(folder, WEIGHTS, "embeddings"), load_tensors(folder, HEAD)
    weight = _tensor(head, HEAD_WEIGHT, 2, folder / HEAD).astype(np.float32)
    bias = _tensor(head, HEAD_BIAS, 1, folder / HEAD).astype(np.float32)
    vectors, dim = table.shape
    if vectors != tokens.size:
        raise damaged(folder / WEIGHTS, f"it has {vectors} token vectors, the tokenizer {tokens.size} tokens")
    if weight.shape != (len(manifest.labels), dim) or bias.shape != (len(manifest.labels),):
        raise damaged(
            folder / HEAD,
            f"weight {weight.shape} and bias {bias.shape} do not fit {len(manifest.labels)} labels and embeddings of "
            f"{dim} dimensions",
        )
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise damaged(folder / HEAD, "it holds values that are not finite numbers")
    return StaticBackend(tokens, table, weight, bias, manifest.max_length)


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


def _zeros(rows: int, columns: int) -> Floats:
    """Zeros [rows, columns] that take memory only where something was written; those of numpy may be written at once."""
    memory = mmap.mmap(-1, max(1, 4 * rows * columns))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32, rows * columns).reshape(rows, columns)


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
