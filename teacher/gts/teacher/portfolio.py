"""The portfolio of teachers: fit each on the labels at hand, ask each about the other texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder, unit
from gts.teacher.contrastive import TuneConfig, tune
from gts.teacher.heads import LogisticHead
from gts.teacher.lexical import latent_vectors, ngram_matrix
from gts.teacher.spreading import SpreadConfig, spread

Floats = NDArray[np.float32]

LEXICAL = ("lexical", "lexical-spread")
ENCODER = ("encoder", "encoder-spread", "tuned", "tuned-spread", "cross-spread")


@dataclass(frozen=True)
class Lesson:
    """What a teacher learns from and what it is asked.

    Attributes:
        texts: Labelled texts.
        targets: Label indicators, [texts, labels] of 0 and 1.
        questions: Texts to be labelled; teachers may look at them (they are unlabelled) while they learn.
        multi_label: Whether labels are independent.
        seed: Seed of everything random.
    """

    texts: tuple[str, ...]
    targets: Floats
    questions: tuple[str, ...]
    multi_label: bool
    seed: int = 0

    @property
    def spread_config(self) -> SpreadConfig:
        """Fewer neighbours where many labels share the texts between them."""
        neighbours = 15 if self.targets.shape[1] <= 20 else 8
        return SpreadConfig(neighbours=neighbours, balanced=not self.multi_label)


def label_text(name: str, description: str) -> str:
    """A label as a sentence a teacher can read: name without separators, then the description.

    Example:
        >>> label_text("card_arrival", "where is my card?")
        'card arrival: where is my card?'
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.sub(r"[_\-/:.]+", " ", words).strip().lower() or name
    return f"{words}: {description}" if description else words


def with_label_texts(
    texts: Sequence[str], targets: Floats, labels: Mapping[str, str]
) -> tuple[tuple[str, ...], Floats]:
    """Add each label's own name and description as one more text of that label.

    Names say which axis is meant where few examples cannot (sentiment against topic). Names without a
    letter ("0", "3") say nothing and are left out.
    """
    named = [
        (i, label_text(name, description))
        for i, (name, description) in enumerate(labels.items())
        if description or re.search(r"[^\W\d_]{2,}|[\u4e00-\u9fff]", name)
    ]
    if not named:
        return tuple(texts), targets
    rows = np.zeros((len(named), targets.shape[1]), np.float32)
    rows[np.arange(len(named)), [i for i, _ in named]] = 1.0
    return (*texts, *(text for _, text in named)), np.concatenate([targets, rows])


def teach_lexical(lesson: Lesson, wanted: Sequence[str] = LEXICAL) -> dict[str, Floats]:
    """Answers of the teachers that need no weights: ``lexical`` and ``lexical-spread``.

    Args:
        lesson: What to learn and answer.
        wanted: Which teachers to ask.

    Returns:
        Teacher name to probabilities [questions, labels].
    """
    if not lesson.questions or not set(wanted) & set(LEXICAL):
        return {}
    n = len(lesson.texts)
    matrix = ngram_matrix([*lesson.texts, *lesson.questions])
    head = LogisticHead(lesson.multi_label).fit(matrix[:n], lesson.targets).predict(matrix[n:])
    answers = {"lexical": head}
    if "lexical-spread" in wanted:
        vectors = latent_vectors(matrix, seed=lesson.seed)
        answers["lexical-spread"] = spread(vectors, lesson.targets, head, lesson.spread_config)[n:]
    return {name: answer for name, answer in answers.items() if name in wanted}


def tuned_vectors(
    lesson: Lesson, encoder: Encoder, config: TuneConfig, on_progress: Callable[[float], None] | None = None
) -> Floats:
    """Tune an encoder on the lesson, in place, and have it read all texts.

    Args:
        lesson: What to learn.
        encoder: A fresh encoder.
        config: How to tune.
        on_progress: Called with the fraction done.

    Returns:
        Unit vectors of texts then questions [texts + questions, hidden size].
    """
    report = on_progress or (lambda fraction: None)
    tune(encoder, lesson.texts, lesson.targets, config, lambda done: report(0.6 * done))
    texts = [*lesson.texts, *lesson.questions]
    return encoder.embed(texts, on_batch=lambda done: report(0.6 + 0.4 * done))


def teach_encoder(
    lesson: Lesson, frozen: Floats, vectors: Floats, wanted: Sequence[str] = ENCODER
) -> dict[str, Floats]:
    """Answers of the teachers that stand on an encoder.

    ``encoder``: logistic head on the frozen encoder. ``encoder-spread``: labels spread over its graph.
    ``tuned``: head after contrastive tuning. ``tuned-spread``: spreading over the graph of tuned and frozen
    vectors side by side, which was better than either alone. ``cross-spread``: the tuned head's beliefs
    spread over the frozen graph, best where tuning on few labels forgets the topic structure.

    Args:
        lesson: What to learn and answer.
        frozen: Unit vectors of texts then questions under the untuned encoder.
        vectors: Those under the tuned one (:func:`tuned_vectors`).
        wanted: Which teachers to ask.

    Returns:
        Teacher name to probabilities [questions, labels].
    """
    n, targets, spreading = len(lesson.texts), lesson.targets, lesson.spread_config
    if not lesson.questions:
        return {}
    base = LogisticHead(lesson.multi_label).fit(frozen[:n], targets).predict(frozen[n:])
    head = LogisticHead(lesson.multi_label).fit(vectors[:n], targets).predict(vectors[n:])
    graphs: dict[str, Callable[[], Floats]] = {
        "encoder-spread": lambda: spread(frozen, targets, base, spreading)[n:],
        "tuned-spread": lambda: spread(
            unit(np.concatenate([vectors, frozen], axis=1)), targets, head, spreading
        )[n:],
        "cross-spread": lambda: spread(frozen, targets, head, spreading)[n:],
    }
    answers = {"encoder": base, "tuned": head} | {
        name: graph() for name, graph in graphs.items() if name in wanted
    }
    return {name: answer for name, answer in answers.items() if name in wanted}
