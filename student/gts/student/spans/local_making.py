"""Making a local trunk from the user's own texts and, where there is one, an encoder's token vectors."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gts.student.spans.local_warming import Warmth, warm_up
from gts.student.spans.own_text import Floats, first_vectors, train_span_tokenizer, unit_mean
from gts.student.spans.tokens import Cutter, Window
from gts.student.spans.trunk import TOKENIZER_FILE
from gts.student.static_runtime import unknown_id
from gts.student.tokenizing import load_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WIDTH = 128
_LENGTH = 128


def build_local_trunk(
    texts: Sequence[str],
    folder: Path,
    *,
    encoder: Path | None = None,
    seed: int = 0,
    warmth: Warmth | None = None,
) -> list[float]:
    """Make a local trunk and write it: ``trunk.json``, ``tokenizer.json`` and its weights.

    With an encoder its tokenizer is taken, and the vectors that it gives its tokens at first, which serve as
    well as what it makes of tokens that stand alone and cost nothing (benchmarks/LOG.md); without one both
    come from the texts.

    Args:
        texts: Texts of the user, labelled or not.
        folder: Where to write; made if need be.
        encoder: Folder of an encoder of the texts' language.
        seed: Seed of everything.
        warmth: How the trunk is warmed up on the texts.

    Returns:
        The losses of the warm-up.
    """
    import torch

    from gts.student.spans.local import LocalTrunk

    folder.mkdir(parents=True, exist_ok=True)
    if encoder is None:
        tokenizer = train_span_tokenizer(texts)
        tokenizer.save(str(folder / TOKENIZER_FILE))
    else:
        shutil.copyfile(encoder / TOKENIZER_FILE, folder / TOKENIZER_FILE)
        tokenizer = load_tokenizer(folder)
    cutter = Cutter(tokenizer, _LENGTH, 0)
    windows = [window for text in texts for window in cutter.windows(text)]
    table = _own_vectors(tokenizer, windows, seed) if encoder is None else _reduced(_input_vectors(encoder))
    torch.manual_seed(seed)
    trunk = LocalTrunk(len(table), table.shape[1], unknown=unknown_id(tokenizer) or 0)
    trunk.tokens.weight.data.copy_(torch.from_numpy(table))
    losses = warm_up(trunk.eval(), windows, warmth or Warmth(seed=seed))
    trunk.written(folder)
    return losses


def _own_vectors(tokenizer: Tokenizer, windows: Sequence[Window], seed: int) -> Floats:
    tokens = [tokenizer.id_to_token(number) or "" for number in range(tokenizer.get_vocab_size())]
    return first_vectors([window.ids for window in windows], tokens, WIDTH, seed)


def _input_vectors(encoder: Path) -> Floats:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    table = AutoModel.from_pretrained(encoder).get_input_embeddings().weight
    return np.asarray(table.detach().float().numpy(), np.float32)


def _reduced(vectors: Floats) -> Floats:
    """The principal components of token vectors, mean row length 1."""
    from sklearn.decomposition import PCA

    model = PCA(min(WIDTH, *vectors.shape), svd_solver="covariance_eigh")
    return unit_mean(model.fit_transform(vectors))
