"""Teachers that say what each piece of a text is worth to a summary of it.

Each sees one side of a piece, and learns from the examples how much summaries are like what it sees. So all
of them speak in the same unit (see :func:`gts.tasks.gains.gains`), and means of several make sense.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder, unit
from gts.tasks.pieces import Cut
from gts.tasks.salience import PLACE, SIZE, surface
from gts.teacher.lexical import hashed_vectors

Floats = NDArray[np.float32]
Report = Callable[[float], None]

_STRENGTH = 10.0
_WORD_SCALE = 2.0
_DAMPING, _ROUNDS = 0.85, 30


@dataclass(frozen=True)
class Worth:
    """A text and what its pieces are worth.

    Attributes:
        cut: The text, cut.
        gains: One for each piece.
    """

    cut: Cut
    gains: Sequence[float]


def fit_lead(train: Sequence[Worth], asked: Sequence[Cut]) -> list[list[float]]:
    """Where a piece stands, and how long it is: in many texts what matters comes first.

    Args:
        train: Texts whose pieces' worth is known.
        asked: Other texts.

    Returns:
        For each text asked about, one value for each piece; so do the other teachers.
    """
    return _fit(train, [_columns(cut, PLACE, SIZE) for cut in _all(train, asked)])


def fit_central(train: Sequence[Worth], asked: Sequence[Cut]) -> list[list[float]]:
    """How much of the text a piece repeats: its nearness to the sentences that rank high by their n-grams.

    References:
        Erkan and Radev, LexRank: Graph-based Lexical Centrality as Salience in Text Summarization, 2004.
    """
    seen = [
        np.concatenate([_centrality(cut)[:, None], _columns(cut, SIZE)], axis=1) for cut in _all(train, asked)
    ]
    return _fit(train, seen)


def fit_centroid(
    train: Sequence[Worth], asked: Sequence[Cut], encoder: Encoder, report: Report | None = None
) -> list[list[float]]:
    """How near a piece is to the mean of all sentences under an encoder.

    References:
        Rossiello et al., Centroid-based Text Summarization through Compositionality of Word Embeddings, 2017.
    """
    cuts = _all(train, asked)
    texts = [cut.piece(number) for cut in cuts for number in cut.units["sentence"]]
    vectors = encoder.embed(texts, on_batch=report) if texts else np.zeros((0, 1), np.float32)
    seen, start = [], 0
    for cut in cuts:
        own = vectors[start : start + len(cut.units["sentence"])]
        start += len(own)
        centre = unit(own.sum(axis=0, keepdims=True))
        seen.append(np.concatenate([_spread(cut, own @ centre.T), _columns(cut, SIZE)], axis=1))
    return _fit(train, seen)


def fit_scorer(train: Sequence[Worth], asked: Sequence[Cut]) -> list[list[float]]:
    """All of a piece's surface, and n-grams of characters: words, of any language, that summaries take up."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge

    hashing = HashingVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), n_features=2**17, alternate_sign=False, dtype=np.float32
    )
    features = np.concatenate([surface(text.cut) for text in train])
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)

    def inputs(cut: Cut) -> Any:
        words = hashing.transform([cut.piece(i) for i in range(len(cut.places))])
        scaled = sparse.csr_matrix((surface(cut) - mean) / scale)
        return sparse.hstack([scaled, _WORD_SCALE * words], format="csr")

    rows = sparse.vstack([inputs(text.cut) for text in train if text.cut.places], format="csr")
    ridge = Ridge(_STRENGTH, solver="sparse_cg").fit(rows, _gains(train))
    return [ridge.predict(inputs(cut)).tolist() if cut.places else [] for cut in asked]


def _all(train: Sequence[Worth], asked: Sequence[Cut]) -> list[Cut]:
    return [*(text.cut for text in train), *asked]


def _fit(train: Sequence[Worth], seen: Sequence[Floats]) -> list[list[float]]:
    """Ridge regression of gains on what is seen of each text [pieces, columns], those asked about last."""
    from sklearn.linear_model import Ridge

    known = np.concatenate(seen[: len(train)])
    mean, scale = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-3)
    ridge = Ridge(_STRENGTH).fit((known - mean) / scale, _gains(train))
    return [ridge.predict((own - mean) / scale).tolist() if len(own) else [] for own in seen[len(train) :]]


def _gains(train: Sequence[Worth]) -> NDArray[np.float64]:
    return np.array([gain for text in train for gain in text.gains])


def _columns(cut: Cut, *groups: slice) -> Floats:
    found = surface(cut)
    return np.concatenate([found[:, group] for group in groups], axis=1)


def _centrality(cut: Cut) -> Floats:
    """Each piece's nearness to the sentences that rank high among all; about 0 to 1 [pieces]."""
    numbers = list(cut.units["sentence"])
    if not numbers:
        return np.zeros(0, np.float32)
    vectors = hashed_vectors([cut.piece(i) for i in range(len(cut.places))])
    near = vectors[numbers] @ vectors[numbers].T
    steps = near / np.maximum(near.sum(axis=1, keepdims=True), 1e-9)
    rank = np.full(len(numbers), 1 / len(numbers))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) / len(numbers) + _DAMPING * rank @ steps
    return np.asarray(vectors @ vectors[numbers].T @ (rank / rank.sum()), np.float32)


def _spread(cut: Cut, values: Floats) -> Floats:
    """Values of sentences [sentences, 1], given to all pieces [pieces, 1] by how much they share."""
    sentences = np.array([cut.places[i] for i in cut.units["sentence"]]).reshape(-1, 2)
    bounds = np.array(cut.places).reshape(-1, 2)
    shared = np.minimum(bounds[:, [1]], sentences[:, 1]) - np.maximum(bounds[:, [0]], sentences[:, 0])
    shares = np.maximum(shared, 0)
    return np.asarray(shares @ values / np.maximum(shares.sum(axis=1, keepdims=True), 1), np.float32)
