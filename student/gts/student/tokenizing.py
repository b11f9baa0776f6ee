"""Tokenizers of student folders: fresh ones for those who train, shared ones for those who predict."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gts.student.fast_tokens import ChunkRules, chunk_rules
from gts.student.layout import TOKENIZER, damaged, required_file
from gts.student.shared import Shared, digest_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Measured with the 30,522 tokens and 22,746 words of BERT's vocabulary (benchmarks/LOG.md).
_TOKEN_BYTES = 200
_WORD_BYTES = 180


class SharedTokenizer:
    """A tokenizer that several students use at once, so nobody may change it.

    Args:
        tokenizer: The tokenizer.
        name: Names its content.
    """

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        self.tokenizer = tokenizer
        self._name = name

    @cached_property
    def rules(self) -> ChunkRules | None:
        """See :func:`gts.student.fast_tokens.chunk_rules`."""
        return chunk_rules(self.tokenizer)

    @cached_property
    def size(self) -> int:
        """Number of its tokens."""
        return int(self.tokenizer.get_vocab_size(with_added_tokens=True))

    @cached_property
    def token_chars(self) -> int:
        """Characters of the median token."""
        return int(np.median([len(token) for token in self.tokenizer.get_vocab()]))

    @property
    def memory(self) -> dict[str, int]:
        """Bytes it takes, by its name."""
        rules = self.__dict__.get("rules")
        words = len(rules.words) if rules is not None else 0
        return {self._name: _TOKEN_BYTES * self.size + _WORD_BYTES * words}


_shared: Shared[SharedTokenizer] = Shared()


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


def shared_tokenizer(folder: Path, max_length: int | None = None) -> SharedTokenizer:
    """The tokenizer of a folder: the same object for all folders that hold the same file.

    Args:
        folder: The student folder.
        max_length: Tokens to which it cuts what it reads, special ones included; None: all are kept.

    Raises:
        NotFound: It is missing.
        StorageError: It is damaged.
    """
    name = f"tokenizer {digest_of(required_file(folder, TOKENIZER))} {max_length}"

    def make() -> SharedTokenizer:
        tokenizer = load_tokenizer(folder)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if max_length is not None:
            tokenizer.enable_truncation(max_length)
        return SharedTokenizer(tokenizer, name)

    return _shared.get(name, make)
