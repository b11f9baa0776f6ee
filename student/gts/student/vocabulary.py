"""A tokenizer trained on the user's own text, for languages without an encoder at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN, PADDING = "[UNK]", "[PAD]"


def train_tokenizer(texts: Sequence[str], size: int = 12_000) -> Tokenizer:
    """Byte-pair encoding learnt from texts in any script.

    Runs of letters are merged freely, so in text without spaces the merges become the frequent words of two
    to four characters.

    References:
        Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016.

    Args:
        texts: What to learn from.
        size: Most tokens in the vocabulary.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2 if len(texts) > 200 else 1,
        special_tokens=[PADDING, UNKNOWN],
        max_token_length=12,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def cooccurrence_table(
    bags: Sequence[NDArray[np.int64]], vocabulary: int, dimensions: int = 128, seed: int = 0
) -> NDArray[np.float32]:
    """Token vectors from which texts tokens appear in: a factorised token-by-text TF-IDF matrix.

    Args:
        bags: Token ids of each text.
        vocabulary: Number of tokens.
        dimensions: Width wanted; less where there are few texts.
        seed: Seed of the randomised factorisation.

    Returns:
        Array [vocabulary, dimensions or fewer]; tokens that never occur get small random vectors.
    """
    from scipy import sparse
    from sklearn.decomposition import TruncatedSVD

    rows = np.concatenate(bags) if bags else np.zeros(0, np.int64)
    columns = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    counts = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(vocabulary, max(1, len(bags))))
    counts.data = 1 + np.log(counts.data)
    document_frequency = np.asarray((counts > 0).sum(axis=1)).ravel()
    weighted = sparse.diags(np.log((1 + len(bags)) / (1 + document_frequency))) @ counts
    k = max(2, min(dimensions, min(weighted.shape) - 1))
    table = TruncatedSVD(k, random_state=seed).fit_transform(weighted).astype(np.float32)
    missing = document_frequency == 0
    noise = np.random.default_rng(seed).normal(size=(int(missing.sum()), k))
    scale = float(np.abs(table).mean()) if table.any() else 1.0
    table[missing] = 0.1 * scale * noise
    return np.asarray(table, np.float32)
