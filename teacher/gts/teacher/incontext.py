"""In-context questions: a text to be labelled, with labelled texts like it and the labels as lettered options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.llm.prompts import fill_prompt

Floats = NDArray[np.float32]

LETTERS = "ABCDEFGHIJKLMNOPQRST"
"""As many options as servers give log-probabilities of first tokens."""

_EXAMPLE_CHARS, _TEXT_CHARS = 400, 2000


@dataclass(frozen=True, slots=True)
class Question:
    """One text to be labelled.

    Attributes:
        prompt: What the model reads.
        options: Label index that each letter stands for.
    """

    prompt: str
    options: tuple[int, ...]


@dataclass(frozen=True)
class Known:
    """Labelled texts to show.

    Attributes:
        texts: The texts.
        vectors: Unit vectors [texts, d] in the space in which likeness is measured.
        targets: Label indicators [texts, labels].
        named: Unit vectors [n, d] of what stands for a label without being a text, such as its name.
        named_targets: Label indicators [n, labels] of those.
    """

    texts: Sequence[str]
    vectors: Floats
    targets: Floats
    named: Floats
    named_targets: Floats


def ask_about(
    texts: Sequence[str],
    vectors: Floats,
    known: Known,
    labels: Mapping[str, str],
    multi_label: bool,
    shots: int = 8,
) -> list[Question]:
    """Questions about texts, each with the known texts that are most like it.

    Examples are taken from the nearest on, but so that no label has more than its share; the nearest stands last, where it
    counts most. With more labels than letters the options are the labels of the nearest texts and names.

    References:
        Liu et al., What Makes Good In-Context Examples for GPT-3?, 2022 (nearest examples).

    Args:
        texts: Texts to be labelled.
        vectors: Their unit vectors [texts, d].
        known: Labelled texts.
        labels: Label names in order, with their descriptions.
        multi_label: Whether a text may carry several labels or none.
        shots: Examples shown.
    """
    likeness = vectors @ known.vectors.T
    named = vectors @ known.named.T
    questions = []
    for text, near, near_names in zip(texts, likeness, named, strict=True):
        options = _options(near, near_names, known, len(labels))
        rows = _examples(near, known.targets, options, shots)
        questions.append(Question(_prompt(text, rows, known, options, labels, multi_label), options))
    return questions


def _options(near: Floats, near_names: Floats, known: Known, n_labels: int) -> tuple[int, ...]:
    if n_labels <= len(LETTERS):
        return tuple(range(n_labels))
    scores = np.full(n_labels, -np.inf)
    for likeness, targets in ((near, known.targets), (near_names, known.named_targets)):
        for row, label in zip(*np.nonzero(targets), strict=True):
            scores[label] = max(scores[label], likeness[row])
    best = np.argsort(-scores, kind="stable")[: len(LETTERS)]
    return tuple(sorted(int(label) for label in best))


def _examples(near: Floats, targets: Floats, options: tuple[int, ...], shots: int) -> list[int]:
    """Rows to show, the nearest last."""
    share = max(1, -(-shots // (2 * len(options)))) + 1
    shown: dict[tuple[int, ...], int] = {}
    rows: list[int] = []
    for row in np.argsort(-near, kind="stable"):
        carried = tuple(int(label) for label in np.flatnonzero(targets[row]))
        if set(carried) <= set(options) and shown.get(carried, 0) < share:
            shown[carried] = shown.get(carried, 0) + 1
            rows.append(int(row))
        if len(rows) == shots:
            break
    return rows[::-1]


def _prompt(
    text: str,
    rows: Sequence[int],
    known: Known,
    options: tuple[int, ...],
    labels: Mapping[str, str],
    multi_label: bool,
) -> str:
    names = list(labels.items())
    letter = dict(zip(options, LETTERS, strict=False))
    listed = [
        f"{letter[option]}. {_line(': '.join(part for part in names[option] if part), _EXAMPLE_CHARS)}"
        for option in options
    ]
    examples = ""
    for row in rows:
        carried = [letter[int(label)] for label in np.flatnonzero(known.targets[row])]
        fields = {"text": _line(known.texts[row], _EXAMPLE_CHARS), "answer": ", ".join(carried) or "0"}
        examples += fill_prompt("gts.teacher", "example.txt", fields) + "\n\n"
    fields = {"options": "\n".join(listed), "examples": examples, "text": _line(text, _TEXT_CHARS)}
    return fill_prompt("gts.teacher", "choose_any.txt" if multi_label else "choose.txt", fields)


def _line(text: str, most: int) -> str:
    """A text on one line, so that no text can pass for the next turn of the talk."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
