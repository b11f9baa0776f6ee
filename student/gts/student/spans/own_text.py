"""Tokens and first token vectors from the user's own text, for languages without an encoder at hand."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gts.student.vocabulary import PADDING, UNKNOWN, cooccurrence_table

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

START = "[START]"
"""Stands before every text, so that none is empty."""
FURTHER = "##"
"""What tokens that go on with a word begin with."""

_UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Bopomofo", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan")
)
_PIECES = rf"[{_UNSPACED}]\p{{M}}*|(?:(?![{_UNSPACED}])[\p{{L}}\p{{M}}])+|\p{{N}}|\S"


def train_span_tokenizer(texts: Sequence[str], size: int = 12_000) -> Tokenizer:
    """A tokenizer whose every token knows which characters of the raw text it stands for.

    In scripts written without blanks each character is a token, so that any span can be told; words of other
    scripts are cut by byte-pair encoding (Sennrich et al., Neural Machine Translation of Rare Words with
    Subword Units, 2016); digits and marks stand alone. Characters that were never seen are unknown, each in
    its place. Unlike :func:`gts.student.vocabulary.train_tokenizer` it takes characters apart (NFKD) and
    never puts them together, which would lose the places of combining marks.

    Args:
        texts: What to learn from.
        size: Most tokens in the vocabulary, single characters always kept.

    Example:
        >>> encoding = train_span_tokenizer(["中国银行"]).encode("中国 龙")
        >>> list(zip(encoding.tokens, encoding.offsets))
        [('[START]', (0, 0)), ('中', (0, 1)), ('国', (1, 2)), ('[UNK]', (3, 4))]
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, continuing_subword_prefix=FURTHER))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(_PIECES), "isolated")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[PADDING, UNKNOWN, START],
        initial_alphabet=[*string.ascii_lowercase, *string.digits, *string.punctuation],
        continuing_subword_prefix=FURTHER,
        show_progress=False,
    )
    # The tokenizer takes no half surrogates.
    tokenizer.train_from_iterator((text.encode("utf-8", "replace").decode() for text in texts), trainer)
    special = [(START, tokenizer.token_to_id(START))]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=special)
    return tokenizer


def first_vectors(rows: Sequence[Ids], tokens: Sequence[str], width: int, seed: int) -> Floats:
    """Vectors that are alike for tokens of like topics, neighbours and spelling: [tokens, width].

    The mean length of a vector is 1. Topics and neighbours together were worth more than topics alone, or than
    neighbours with spelling (benchmarks/LOG.md).

    Args:
        rows: Token ids of the user's texts.
        tokens: Spelling of each token of the vocabulary.
        width: Length of a vector: three eighths for topics, as many for neighbours, the rest for spelling.
        seed: Seed of factorisations and spelling vectors.
    """
    part = 3 * width // 8
    parts = [
        _topics(rows, len(tokens), part, seed),
        neighbour_table(rows, len(tokens), part, seed),
        spelling_table(tokens, width - 2 * part, seed),
    ]
    weighed = [weight * unit_mean(table) for weight, table in zip((1.0, 1.0, 0.5), parts, strict=True)]
    return unit_mean(np.concatenate(weighed, axis=1))


def _topics(rows: Sequence[Ids], vocabulary: int, width: int, seed: int) -> Floats:
    table = np.zeros((vocabulary, width), np.float32)
    if len(rows) > 2:
        with np.errstate(invalid="ignore"):  # texts that are all alike say nothing of topics
            found = cooccurrence_table(rows, vocabulary, width, seed)
        table[:, : found.shape[1]] = found
    return table


def neighbour_table(rows: Sequence[Ids], vocabulary: int, width: int, seed: int = 0) -> Floats:
    """Token vectors from which tokens stand before and after it: [vocabulary, width].

    The factorised matrix of positive pointwise mutual information (Levy and Goldberg, Neural Word Embedding
    as Implicit Matrix Factorization, 2014) of tokens and their neighbours, those on the left and those on the
    right being columns of their own. Tokens that never occur get zeros.
    """
    from scipy import sparse
    from sklearn.decomposition import TruncatedSVD

    left = np.concatenate([row[:-1] for row in rows] or [np.zeros(0, np.int64)])
    right = np.concatenate([row[1:] for row in rows] or [np.zeros(0, np.int64)])
    seen = sparse.csr_matrix(
        (np.ones(2 * len(left)), (np.append(left, right), np.append(vocabulary + right, left))),
        shape=(vocabulary, 2 * vocabulary),
    )
    seen.sum_duplicates()
    of_token, of_neighbour = (np.asarray(seen.sum(axis=axis)).ravel() for axis in (1, 0))
    pairs = seen.tocoo()
    expected = of_token[pairs.row] * of_neighbour[pairs.col] / max(1.0, float(of_token.sum()))
    seen.data = np.maximum(0.0, np.log(pairs.data / expected))
    table = np.zeros((vocabulary, width), np.float32)
    k = min(width, vocabulary - 1)
    if seen.nnz and k > 0:
        model = TruncatedSVD(k, random_state=seed)
        table[:, :k] = model.fit_transform(seen) / np.sqrt(np.maximum(model.singular_values_, 1e-9))
    return table


def spelling_table(tokens: Sequence[str], width: int, seed: int = 0) -> Floats:
    """Token vectors from spelling: sums of random vectors of pieces of up to three characters [tokens, width].

    Tokens that share beginnings and endings are alike from the first step on, as in Bojanowski et al.,
    Enriching Word Vectors with Subword Information (2017), though here nothing is learnt.
    """
    buckets = np.random.default_rng(seed).normal(size=(4096, width)).astype(np.float32)
    table = np.zeros((len(tokens), width), np.float32)
    for number, token in enumerate(tokens):
        whole = f"<{token}>".replace("<" + FURTHER, "")
        pieces = {whole[at : at + n] for n in (1, 2, 3) for at in range(len(whole) - n + 1)} - {"<", ">"}
        if pieces:
            table[number] = buckets[[crc32(piece.encode()) % 4096 for piece in sorted(pieces)]].sum(0)
            table[number] /= np.sqrt(len(pieces))
    return table


def unit_mean(table: Floats) -> Floats:
    """A table scaled so that the mean length of its rows is 1; one of zeros stays as it is."""
    lengths = np.linalg.norm(table, axis=1)
    return np.asarray(table / max(1e-9, float(lengths.mean())), np.float32)
