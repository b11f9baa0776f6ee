"""Stage ``teach``: fit the portfolio of teachers on one fold's gold and let each label the other texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import (
    MOST_TOKENS,
    Floats,
    Split,
    indicators,
    load_arrays,
    load_split,
    part,
    pool_rows,
    save_arrays,
)
from gts.teacher.contrastive import TuneConfig
from gts.teacher.ensemble import accuracy
from gts.teacher.portfolio import (
    ENCODER,
    LEXICAL,
    Lesson,
    teach_encoder,
    teach_lexical,
    tuned_vectors,
    with_label_texts,
)

_TRUNK = "trunk"


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Teach one fold.

    Args:
        inputs: ``task``; ``embed`` where an encoder is used; ``before``: this fold taught with a smaller part of the pool, whose
            tuned encoder is used again.
        params: ``fold``, ``folds``, ``pool`` (see :func:`load_split`), ``encoder`` (catalogue id or None),
            ``embed_pool`` (the limit stage ``embed`` had), ``before_pool`` (the limit ``before`` had), ``tune_steps``, ``max_length`` (tokens, in tuning), ``teachers`` (names of those to ask, or
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
        report = part(progress, 0.1, 0.9, "tuning the encoder on the labels")
        if "before" in inputs:
            tuned = _go_on(lesson, split, inputs["before"], params["before_pool"], out, report)
        else:
            encoder = Encoder(catalogue.locate(params["encoder"]), MOST_TOKENS)
            config = TuneConfig(
                steps=params["tune_steps"],
                max_length=params["max_length"],
                temperature=0.3 if len(split.data.labels) <= 20 else 0.1,
                seed=seed,
            )
            tuned = tuned_vectors(lesson, encoder, config, report)
            encoder.save(out / _TRUNK)
        answers |= teach_encoder(lesson, vectors, tuned, wanted)
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


def _go_on(
    lesson: Lesson, split: Split, before: Path, pool: int, out: Path, report: Callable[[float], None]
) -> Floats:
    """Unit vectors of all texts under the encoder that was tuned before; only texts it has not read are read."""
    shutil.copytree(before / _TRUNK, out / _TRUNK)
    known = load_arrays(before / "vectors.safetensors")
    rows = pool_rows(len(split.data.pool), pool, split.data.spec.seed)
    is_new = ~np.isin(split.pool, rows)
    vectors = np.zeros((len(split.pool), known["pool"].shape[1]), np.float32)
    vectors[~is_new] = known["pool"][np.searchsorted(rows, split.pool[~is_new])]
    new = [split.data.pool[row] for row in split.pool[is_new]]
    if new:
        vectors[is_new] = Encoder(out / _TRUNK, MOST_TOKENS).embed(new, on_batch=report)
    return np.concatenate([known["train"], known["heldout"], vectors])
