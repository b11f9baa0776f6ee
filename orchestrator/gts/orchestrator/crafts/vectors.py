"""Vectors that several crafts need: of whole texts, and of single tokens."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gts.orchestrator.crafts.protocol import Report
from gts.orchestrator.stages.common import MOST_TOKENS, load_arrays, read_json, save_arrays, write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

_TOKENIZER, _VECTORS, _TEXTS = "tokenizer.json", "vectors.safetensors", "texts.json"
_WIDTH = 256


def text_vectors(texts: Sequence[str], encoder: Path | None) -> Floats:
    """Unit vectors of texts [texts, d], in which likeness is measured."""
    if encoder is None:
        from gts.teacher.lexical import latent_vectors, ngram_matrix

        return latent_vectors(ngram_matrix(texts))
    from gts.core.encoder import Encoder

    return Encoder(encoder, MOST_TOKENS).embed(texts)


def write_text_vectors(folder: Path, texts: Sequence[str], encoder: Path, report: Report) -> None:
    """Write the unit vectors of texts under an encoder as it is."""
    from gts.core.encoder import Encoder

    folder.mkdir(parents=True, exist_ok=True)
    distinct = list(dict.fromkeys(texts))
    vectors = Encoder(encoder, MOST_TOKENS).embed(distinct, on_batch=report)
    write_json(folder / _TEXTS, distinct)
    save_arrays(folder / _VECTORS, {"texts": vectors})


def load_text_vectors(folder: Path | None) -> dict[str, Floats]:
    """What :func:`write_text_vectors` wrote, by text; nothing without a folder."""
    if folder is None:
        return {}
    return dict(zip(read_json(folder / _TEXTS), load_arrays(folder / _VECTORS)["texts"], strict=True))


def known_vectors(texts: Sequence[str], encoder: Path | None, folder: Path | None) -> Floats:
    """As :func:`text_vectors`; those that :func:`write_text_vectors` wrote into a folder are taken from there."""
    known = load_text_vectors(folder)
    new = [text for text in texts if text not in known]
    if len(new) == len(texts):
        return text_vectors(texts, encoder)
    table = known | (dict(zip(new, text_vectors(new, encoder), strict=True)) if new else {})
    return np.stack([table[text] for text in texts])


def write_token_vectors(folder: Path, texts: Sequence[str], encoder: Path | None, seed: int) -> None:
    """Write a tokenizer and the vectors of its tokens: those of an encoder, else what the texts themselves say."""
    folder.mkdir(parents=True, exist_ok=True)
    if encoder is None:
        from gts.student.static import tokenize
        from gts.student.static_runtime import unknown_id
        from gts.student.vocabulary import cooccurrence_table, train_tokenizer

        tokenizer = train_tokenizer(texts)
        bags = tokenize(tokenizer, texts, MOST_TOKENS, unknown_id(tokenizer))
        vectors = cooccurrence_table(bags, tokenizer.get_vocab_size(), _WIDTH, seed)
        tokenizer.save(str(folder / _TOKENIZER))
    else:
        from gts.core.encoder import Encoder

        shutil.copyfile(encoder / _TOKENIZER, folder / _TOKENIZER)
        opened = Encoder(encoder, MOST_TOKENS)
        vectors = opened.embed_tokens(range(opened.tokenizer.vocab_size))
    save_arrays(folder / _VECTORS, {"tokens": vectors})


def load_token_vectors(folder: Path) -> tuple[Tokenizer, Floats]:
    """What :func:`write_token_vectors` wrote; the tokenizer neither cuts nor pads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, load_arrays(folder / _VECTORS)["tokens"].astype(np.float32)
