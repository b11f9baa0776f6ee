"""Pairs made of a similarity task's single texts, for teachers and students to learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gts.tasks.rows import RowTask
from gts.tasks.saving import AnyTask

_MOST_SENTENCES, _MOST_PAIRS = 4000, 2000


def with_mined_pairs(data: AnyTask) -> AnyTask:
    """A task whose single texts have become unlabelled pairs, those first that look alike; any other as it is.

    Likeness is that of n-grams, which any language has.
    """
    if not isinstance(data, RowTask) or not data.sentences:
        return data
    from gts.teacher.lexical import latent_vectors, ngram_matrix
    from gts.teacher.pairs.mining import mine

    rng = np.random.default_rng(data.spec.seed)
    chosen = [data.sentences[i] for i in rng.permutation(len(data.sentences))[:_MOST_SENTENCES]]
    known = [text for row in (*data.gold, *data.test) for text in (row.text_a, row.text_b)]
    vectors = latent_vectors(ngram_matrix(chosen))
    pairs = mine(chosen, known, min(_MOST_PAIRS, 2 * len(chosen)), data.spec.seed, vectors)
    return replace(data, pool=(*data.pool, *pairs), sentences=())
