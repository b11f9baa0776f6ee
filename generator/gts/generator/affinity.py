"""How far each of the user's texts belongs to a set of labels, and how alike two texts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.generator.corpus import END, Corpus
from gts.generator.protocol import PoolWeights
from gts.generator.tokens import content
from gts.tasks.dataset import Example

Floats = NDArray[np.float64]

# A pool text that speaks half for a label is no half-good source: most of what is made from it would miss the label.
_SHARPNESS = 3


@dataclass(frozen=True)
class TextSpace:
    """TF-IDF vectors of a corpus over words and pairs of words (characters, in scripts without spaces).

    Attributes:
        vectors: Sparse rows of unit length [n_texts, n_features].
    """

    vectors: Any

    def similarity(self, text: int) -> Floats:
        """Cosine of one text with all [n_texts]."""
        dense = np.asarray(self.vectors[text].todense()).ravel()
        cosines: Floats = self.vectors @ dense
        return cosines


def text_space(corpus: Corpus) -> TextSpace:
    """Weigh the words and pairs of words of a corpus by TF-IDF."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfTransformer

    folded: dict[str, int] = {}
    fold = np.array([folded.setdefault(content(token), len(folded)) for token in corpus.vocabulary])
    real = corpus.tokens > END
    pairs = corpus.grams[1].at
    n_texts = len(corpus.texts)
    blocks = [
        csr_matrix(
            (np.ones(int(chosen.sum())), (corpus.text_of[chosen], columns[chosen])),
            shape=(n_texts, max(width, 1)),
        )
        for chosen, columns, width in (
            (real, fold[corpus.tokens], len(folded)),
            (pairs >= 0, pairs, corpus.grams[1].size),
        )
    ]
    counts = hstack(blocks, format="csr")
    return TextSpace(TfidfTransformer(sublinear_tf=True).fit_transform(counts))


def gold_likeness(space: TextSpace, n_gold: int) -> Floats:
    """Cosines of the pool with the gold texts [n_pool, n_gold]; the gold texts come first in the space."""
    cosines: Floats = (space.vectors[n_gold:] @ space.vectors[:n_gold].T).toarray()
    return cosines


def label_weights(
    labels: tuple[str, ...],
    gold: Sequence[Example],
    pool_weights: PoolWeights | None,
    likeness: Floats | None,
) -> Floats:
    """How far each text belongs to a set of labels, gold texts first, then the pool.

    A gold text counts by the overlap of its labels with the wanted ones (Jaccard). A pool text counts by the teacher's
    probabilities where given, else by how near it lies to gold texts of the labels compared with other gold texts.

    Args:
        labels: The wanted labels; empty for texts that carry none.
        gold: The labelled examples.
        pool_weights: The teacher's soft labels of the pool.
        likeness: Cosines of the pool with the gold texts [n_pool, n_gold]; needed without a teacher.

    Returns:
        Weights in 0..1 [n_gold + n_pool].

    Raises:
        InvalidInput: A label is unknown, or no text speaks for it.
    """
    known = sorted(
        {name for example in gold for name in example.labels}
        | set(pool_weights.labels if pool_weights else ())
    )
    for name in labels:
        if name not in known:
            raise InvalidInput(
                f"texts were asked for label {name!r}; known: {', '.join(known) or 'none'}",
                mend="ask for a label that has labelled examples",
                known=known,
            )
    relevance = np.array([_jaccard(set(labels), set(example.labels)) for example in gold])
    if pool_weights is not None:
        pool = _from_teacher(labels, gold, pool_weights)
    else:
        pool = _from_nearest(relevance, np.zeros((0, len(gold))) if likeness is None else likeness)
    weights = np.concatenate((relevance, pool)) ** _SHARPNESS
    if not weights.any():
        raise InvalidInput(
            f"no text speaks for the labels {', '.join(labels) or '(none)'}",
            mend="label at least one example with them",
        )
    return weights


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def _from_teacher(labels: tuple[str, ...], gold: Sequence[Example], pool_weights: PoolWeights) -> Floats:
    wanted = np.array([name in labels for name in pool_weights.labels])
    values = np.clip(pool_weights.values, 0.0, 1.0)
    single = len(labels) == 1 and all(len(example.labels) == 1 for example in gold)
    if single:
        column: Floats = values[:, wanted].sum(axis=1)
        return column
    product: Floats = np.where(wanted, values, 1.0 - values).prod(axis=1)
    return product


# Likeness of words is a weak witness: with 8 examples a label and no teacher, a tenth to a half of the texts made from pool texts
# taken in full missed their label (TREC-6 and AG News, a classifier trained on all labels as referee).
_MOST_BY_LIKENESS = 0.5


def _from_nearest(relevance: Floats, cosines: Floats) -> Floats:
    if not cosines.size:
        return np.zeros(len(cosines))
    near = (cosines * relevance).max(axis=1) ** 2
    far = (cosines * (1.0 - relevance)).max(axis=1) ** 2
    share = np.divide(near, near + far, out=np.zeros_like(near), where=near > 0)
    # Two faint likenesses say little, whichever is the larger: only the pool's better matches count in full.
    closeness = np.sqrt(np.maximum(near, far))
    reference = max(float(np.quantile(closeness, 0.9)), 1e-9)
    worth: Floats = _MOST_BY_LIKENESS * share * np.minimum(closeness / reference, 1.0)
    return worth
