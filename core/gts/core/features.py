"""Vectors of texts under frozen base models, computed once for all jobs of a store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gts.core.blobs import write_atomically
from gts.core.errors import StorageError

if TYPE_CHECKING:
    from gts.core.encoder import Encoder

Floats = NDArray[np.float32]

logger = logging.getLogger("gts.core")

_KEY_BYTES = 16
_MOST_BYTES = 2 * 1024**3
_TOKENS = "tokens.safetensors"


class FeatureStore:
    """Vectors by base model and text.

    Each call that reads new texts leaves one file, which never changes, so that processes and machines share a
    folder without locks; the worst that two of them can do is to write the same vectors twice.

    Args:
        root: Folder of the store; made when something is written.
        most_bytes: Size of the vectors of one base model beyond which the oldest files go.

    Example:
        >>> store = FeatureStore(Path("features"))  # doctest: +SKIP
        >>> store.embed(encoder, catalogue.identity("tiny"), ["where is it?"]).shape  # doctest: +SKIP
        (1, 384)
    """

    def __init__(self, root: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._root = root
        self._most_bytes = most_bytes

    def embed(
        self,
        encoder: Encoder,
        weights: str,
        texts: Sequence[str],
        on_batch: Callable[[float], None] | None = None,
    ) -> Floats:
        """Unit vectors of texts [texts, hidden size], as :meth:`gts.core.encoder.Encoder.embed` gives them.

        Args:
            encoder: The frozen encoder.
            weights: Its identity (:func:`gts.core.catalogue.identity`).
            texts: The texts; only those that no job of this store has read before are read.
            on_batch: Called with the fraction done.
        """
        folder = self._folder(weights, encoder.max_length)
        keys = [blake2b(text.encode(), digest_size=_KEY_BYTES).digest() for text in texts]
        known = self._read(folder, set(keys))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if new:
            vectors = encoder.embed(list(new.values()), on_batch=on_batch)
            try:
                self._write(folder, list(new), vectors)
            except (OSError, StorageError) as error:
                logger.warning("vectors could not be kept for later jobs: %s", error)
            known |= dict(zip(new, vectors, strict=True))
        if not keys:
            return np.zeros((0, int(encoder.model.config.hidden_size)), np.float32)
        return np.stack([known[key] for key in keys])

    def embed_vocabulary(self, encoder: Encoder, weights: str) -> NDArray[np.float16]:
        """The vector of each token of the vocabulary standing alone, float16 [tokens, hidden size]."""
        from safetensors.numpy import load_file, save

        path = self._folder(weights, encoder.max_length) / _TOKENS
        if not path.is_file():
            vectors: NDArray[np.float16] = encoder.embed_tokens(range(len(encoder.tokenizer))).astype(
                np.float16
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, save({"tokens": vectors}))
            return vectors
        stored: NDArray[np.float16] = load_file(path)["tokens"]
        return stored

    def _folder(self, weights: str, max_length: int) -> Path:
        return self._root / f"{weights[:32]}-{max_length}"

    def _read(self, folder: Path, wanted: set[bytes]) -> dict[bytes, Floats]:
        from safetensors import safe_open

        found: dict[bytes, Floats] = {}
        for path in sorted(folder.glob("*.texts")):
            with suppress(FileNotFoundError), safe_open(path, framework="numpy") as stored:
                keys = [row.tobytes() for row in stored.get_tensor("keys")]
                rows = [row for row, key in enumerate(keys) if key in wanted and key not in found]
                if rows:
                    vectors = stored.get_tensor("vectors")
                    found |= {keys[row]: vectors[row] for row in rows}
        return found

    def _write(self, folder: Path, keys: Sequence[bytes], vectors: Floats) -> None:
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        table = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), _KEY_BYTES)
        name = blake2b(table.tobytes(), digest_size=_KEY_BYTES).hexdigest()
        write_atomically(folder / f"{name}.texts", save({"keys": table, "vectors": vectors}))
        known = sorted(_aged(folder))
        total = sum(size for _, size, _ in known)
        for _, size, path in known[:-1]:
            if total <= self._most_bytes:
                break
            total -= size
            path.unlink(missing_ok=True)


def _aged(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Age, size and path of the files; those that another process tidies up meanwhile are passed over."""
    for path in folder.glob("*.texts"):
        with suppress(FileNotFoundError):
            facts = path.stat()
            yield facts.st_mtime, facts.st_size, path
