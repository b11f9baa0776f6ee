"""The user's texts as one array of token ids, with every n-gram numbered and findable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.generator.tokens import is_unspaced, tokenize

START, END = 0, 1

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Grams:
    """All n-grams of one length.

    Attributes:
        at: Id of the n-gram that ends at each position [n_positions]; -1 where it would cross the text's start.
        keys: Sorted ``prefix id * vocabulary size + token`` of each n-gram [n_grams]; its place is the id.
        positions: Positions sorted by n-gram id.
        starts: ``positions[starts[id]:starts[id + 1]]`` are the occurrences of an n-gram [n_grams + 1].
    """

    at: Ints
    keys: Ints
    positions: Ints
    starts: Ints

    @property
    def size(self) -> int:
        """Number of different n-grams."""
        return len(self.keys)


@dataclass(frozen=True)
class Corpus:
    """Texts, tokenised and indexed.

    Attributes:
        texts: The texts as given.
        vocabulary: Surface of each token id; 0 is the start and 1 the end of a text.
        tokens: All texts, each as START, its tokens, END [n_positions].
        text_of: Index of the text at each position [n_positions].
        first: Position of each text's START [n_texts].
        last: Position of each text's END [n_texts].
        grams: ``grams[k - 1]`` are the n-grams of length k, up to the longest there are; pairs at least.
        unspaced: Whether most of it is in a script without spaces.
    """

    texts: tuple[str, ...]
    vocabulary: tuple[str, ...]
    tokens: Ints
    text_of: Ints
    first: Ints
    last: Ints
    grams: tuple[Grams, ...]
    unspaced: bool

    @property
    def lengths(self) -> Ints:
        """Tokens of each text [n_texts]."""
        return self.last - self.first - 1

    def find(self, sequence: Ints) -> list[Ints]:
        """Ids of the n-grams that end at each token of a new sequence, per length; -1 where the corpus has none."""
        found = [sequence]
        for grams in self.grams[1:]:
            before = found[-1][:-1]
            keys = before * len(self.vocabulary) + sequence[1:]
            places = np.minimum(np.searchsorted(grams.keys, keys), grams.size - 1)
            ids = np.full(len(sequence), -1, dtype=np.int64)
            ids[1:] = np.where((before >= 0) & (grams.keys[places] == keys), places, -1)
            found.append(ids)
        return found


def build_corpus(
    texts: Sequence[str], *, max_text_tokens: int, spaced_order: int, unspaced_order: int
) -> Corpus:
    """Tokenise and index texts.

    Args:
        texts: At least one text; those without a token are left as empty texts.
        max_text_tokens: Only so many first tokens of a text are taken.
        spaced_order: Longest n-gram for scripts with spaces, in words.
        unspaced_order: Longest n-gram for scripts without, in characters.
    """
    ids: dict[str, int] = {"": START, "\n": END}  # no token is empty or white space alone
    flat: list[int] = []
    lengths: list[int] = []
    sample: list[str] = []
    for text in texts:
        # One token spans at least one character: no need to tokenise the far end of a huge text.
        words = tokenize(text[: max_text_tokens * 40])[:max_text_tokens]
        sample.extend(words)
        flat.append(START)
        flat.extend(ids.setdefault(word, len(ids)) for word in _open(words))
        flat.append(END)
        lengths.append(len(words) + 2)
    unspaced = is_unspaced(sample)
    tokens = np.array(flat, dtype=np.int64)
    last = np.cumsum(np.array(lengths, dtype=np.int64)) - 1
    first = last - np.array(lengths, dtype=np.int64) + 1
    return Corpus(
        texts=tuple(texts),
        vocabulary=tuple(ids),
        tokens=tokens,
        text_of=np.repeat(np.arange(len(lengths), dtype=np.int64), lengths),
        first=first,
        last=last,
        grams=_number(tokens, len(ids), unspaced_order if unspaced else spaced_order),
        unspaced=unspaced,
    )


def _open(words: list[str]) -> list[str]:
    # The first word of a text and the same word after a full stop shall be one token.
    if words and not is_unspaced(words[:1]):
        return [" " + words[0], *words[1:]]
    return words


def _number(tokens: Ints, vocabulary_size: int, order: int) -> tuple[Grams, ...]:
    grams = [_grams(tokens, np.arange(vocabulary_size, dtype=np.int64))]
    for _ in range(order - 1):
        shorter = np.concatenate(([-1], grams[-1].at[:-1]))
        valid = (shorter >= 0) & (tokens != START)
        if not valid.any():  # no text is that long
            break
        keys, places = np.unique(shorter[valid] * vocabulary_size + tokens[valid], return_inverse=True)
        at = np.full(len(tokens), -1, dtype=np.int64)
        at[valid] = places
        grams.append(_grams(at, keys))
    return tuple(grams)


def _grams(at: Ints, keys: Ints) -> Grams:
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(len(keys) + 1))
    return Grams(at=at, keys=keys, positions=order, starts=starts)
