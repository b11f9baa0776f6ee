"""Stage ``teach``: fit the portfolio of teachers on one fold's gold and let each label the other texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import (
    MOST_TOKENS,
    indicators,
    load_arrays,
    load_split,
    part,
    pool_rows,
    save_arrays,
)
from gts.teacher.contrastive import TuneConfig
from gts.teacher.ensemble import accuracy
from gts.teacher.portfolio import ENCODER, LEXICAL, Lesson, teach_encoder, teach_lexical, with_label_texts


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Teach one fold.

    Args:
        inputs: ``task``; ``embed`` where an encoder is used.
        params: ``fold``, ``folds``, ``pool`` (see :func:`load_split`), ``encoder`` (catalogue id or None),
            ``embed_pool`` (the limit stage ``embed`` had), ``tune_steps``, ``max_length`` (tokens, in tuning), ``teachers`` (names of those to ask, or
            None for all).
        out: Gets ``heldout.safetensors`` and ``pool.safetensors`` (teacher name to probabilities [texts, labels])
            and, with an encoder, ``trunk/`` (the tuned encoder) and ``vectors.safetensors`` (unit vectors under it of
            ``train`` with label names, ``heldout`` and ``pool``).
        progress: Progress.

    Returns:
        ``heldout_accuracy`` by teacher, where the fold holds texts out.
    """
    split = load_split(inputs, params)
    seed = split.data.spec.seed
    texts, targets = with_label_texts(split.train_texts, split.train_targets, split.data.spec.labels)
    questions = (*split.heldout_texts, *split.pool_texts)
    lesson = Lesson(texts, targets, questions, split.data.multi_label, seed)
    progress(0.0, "word and character n-grams")
    wanted = params["teachers"] or (*LEXICAL, *ENCODER)
    answers = teach_lexical(lesson, wanted)
    if params["encoder"] is not None:
        frozen = load_arrays(inputs["embed"] / "vectors.safetensors")
        embedded = pool_rows(len(split.data.pool), params["embed_pool"], seed)
        pool = frozen["pool"][np.searchsorted(embedded, split.pool)]
        vectors = np.concatenate(
            [frozen["gold"][split.train], frozen["names"], frozen["gold"][split.heldout], pool]
        )
        encoder = Encoder(catalogue.locate(params["encoder"]), MOST_TOKENS)
        config = TuneConfig(
            steps=params["tune_steps"],
            max_length=params["max_length"],
            temperature=0.3 if len(split.data.labels) <= 20 else 0.1,
            seed=seed,
        )
        report = part(progress, 0.1, 0.95, "tuning the encoder on the labels")
        told, tuned = teach_encoder(lesson, vectors, encoder, config, wanted, report)
        answers |= told
        encoder.save(out / "trunk")
        learnt, held = len(texts), len(split.heldout)
        save_arrays(
            out / "vectors.safetensors",
            {
                "train": tuned[:learnt],
                "heldout": tuned[learnt : learnt + held],
                "pool": tuned[learnt + held :],
            },
        )
    n = len(split.heldout)
    save_arrays(out / "heldout.safetensors", {name: answer[:n] for name, answer in answers.items()})
    save_arrays(out / "pool.safetensors", {name: answer[n:] for name, answer in answers.items()})
    progress(1.0, "taught")
    truth = indicators(split.data)[split.heldout]
    multi = split.data.multi_label
    return {
        "heldout_accuracy": {name: accuracy(a[:n], truth, multi) for name, a in answers.items()} if n else {}
    }
