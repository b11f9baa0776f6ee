"""Stage ``guess``: examples for a task that has none, by what is said of its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.core.errors import DataError
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS, Floats, part, pool_rows
from gts.orchestrator.stages.language_models import Asking, open_model
from gts.tasks.dataset import Example, Origin, TaskData, load_task, save_task
from gts.tasks.wording import listing
from gts.teacher.incontext import Known, ask_about
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.llm import tell
from gts.teacher.zero_shot import Guess, descriptions, likeness, surest_of

_MOST_TEXTS = 3000
_PER_LABEL, _FEWEST = 16, 2
_ASKED = 2
"""Texts that a language model is asked about for each that is wanted."""


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Label the unlabelled texts that speak most clearly for a label.

    Args:
        inputs: ``task``, without gold.
        params: ``encoder`` (catalogue id or None), ``weights`` (its identity); ``model``, the language model that has the
            last word (None: nobody), and then ``tokens`` and ``money`` (what may be spent, or None).
        out: Gets the task with guessed examples.
        progress: Progress.

    Returns:
        ``guessed``: how many, and ``asked``: what calls of a language model took.

    Raises:
        DataError: For a label hardly any text is found.
        Unavailable: The language model cannot be reached.
        MissingDependency: Its package, key or weights are not at hand.
    """
    data = load_task(inputs["task"])
    texts = [data.pool[row] for row in pool_rows(len(data.pool), _MOST_TEXTS, data.spec.seed)]
    progress(0.05, "comparing texts with what is said of the labels")
    scores = likeness(*_vectors(texts, data.spec.labels, params["encoder"]))
    asked = []
    if params["model"] is not None:
        asking = Asking(
            open_model(params["model"]),
            params["tokens"],
            params["money"],
            part(progress, 0.4, 0.95, "asking"),
        )
        scores = _told(texts, scores, data, asking)
        asked = [asking.account()]
    guess = surest_of(scores, _PER_LABEL)
    _check(guess, data)
    gold = tuple(
        Example(texts[row], (data.labels[label],), Origin.GUESSED)
        for row, label in zip(guess.rows, guess.labels, strict=True)
    )
    taken = {example.text for example in gold}
    save_task(replace(data, gold=gold, pool=tuple(text for text in data.pool if text not in taken)), out)
    progress(1.0, "guessed")
    return {"guessed": len(gold), "asked": asked}


def _vectors(texts: Sequence[str], labels: Mapping[str, str], encoder: str | None) -> tuple[Floats, Floats]:
    """Unit vectors of texts and of what stands for the labels."""
    said = [text for texts_of_label in descriptions(labels) for text in texts_of_label]
    if encoder is None:
        vectors = latent_vectors(ngram_matrix([*texts, *said]))
    else:
        vectors = Encoder(catalogue.locate(encoder), MOST_TOKENS).embed([*texts, *said])
    described = vectors[len(texts) :].reshape(len(labels), 3, -1).sum(axis=1)
    described /= np.maximum(np.linalg.norm(described, axis=1, keepdims=True), 1e-9)
    return vectors[: len(texts)], described


def _told(texts: Sequence[str], scores: Floats, data: TaskData, asking: Asking) -> Floats:
    """What a language model says of the likeliest texts of each label; it has no opinion of the others."""
    rows = surest_of(scores, _ASKED * _PER_LABEL).rows
    nothing, none = np.zeros((0, 1), np.float32), np.zeros((0, len(data.labels)), np.float32)
    known = Known((), nothing, none, nothing, none)
    questions = ask_about(
        [texts[row] for row in rows],
        np.zeros((len(rows), 1), np.float32),
        known,
        data.spec.labels,
        multi_label=False,
    )
    out = np.full(scores.shape, np.nan, np.float32)
    out[rows] = tell(questions, len(data.labels), False, asking).probabilities
    return out


def _check(guess: Guess, data: TaskData) -> None:
    counts = np.bincount(guess.labels, minlength=len(data.labels))
    if missing := [label for label, count in zip(data.labels, counts, strict=True) if count < _FEWEST]:
        raise DataError(
            f"no examples were given, and hardly any unlabelled text speaks for {listing(missing)}",
            mend="describe these labels with words that their texts use, give two examples of each, or name a language "
            "model under teachers",
        )
