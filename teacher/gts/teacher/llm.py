"""A language model as teacher: what it answers to in-context questions, as soft labels."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.llm.values import Answer, Call, Completion, Message
from gts.teacher.incontext import LETTERS, Question

Floats = NDArray[np.float32]

Ask = Callable[[Sequence[Call]], Sequence[Answer]]
"""Asks one model; bound to its cache and its allowance."""

_LETTER = re.compile(r"(?<![A-Za-z])(?:[B-HJ-T]|[AI](?!\s+[a-z]))(?![A-Za-z])")
"""An option's letter; not the words "A" and "I" of a sentence."""
_LEAST_MASS = 0.05
"""A model that gives the letters together less than this was not answering the question."""
_ELSEWHERE = 0.02
"""Belief left for labels that were not named, or not among the options."""


@dataclass(frozen=True)
class LLMConfig:
    """How a model is asked.

    Attributes:
        samples: Answers to a question from a model that gives no log-probabilities; each is a vote (self-consistency, Wang
            et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, 2023).
        temperature: Of all samples but the first.
        max_tokens: Most tokens of an answer.
    """

    samples: int = 3
    temperature: float = 0.7
    max_tokens: int = 16


@dataclass(frozen=True)
class Told:
    """What a model said.

    Attributes:
        probabilities: [texts, labels]; NaN in rows about which it said nothing usable.
        method: ``log-probabilities`` or ``votes``.
    """

    probabilities: Floats
    method: str

    @property
    def abstained(self) -> int:
        """Texts without an opinion."""
        return int(np.isnan(self.probabilities).any(axis=1).sum())


def tell(
    questions: Sequence[Question], n_labels: int, multi_label: bool, ask: Ask, config: LLMConfig = LLMConfig()
) -> Told:
    """Ask a model questions and read its beliefs from the answers.

    Where one label fits, the beliefs are the log-probabilities of the letters; of a model that gives none, and in
    multi-label tasks, the votes of several samples.

    Args:
        questions: The questions.
        n_labels: Labels of the task.
        multi_label: Whether a text may carry several labels or none.
        ask: Asks the model.
        config: How.
    """
    first = ask([_call(question, config, 0) for question in questions])
    known = [answer.first_token for answer in first if isinstance(answer, Completion) and answer.first_token]
    if known and not multi_label:
        rows = [
            _from_letters(answer, question, n_labels)
            for answer, question in zip(first, questions, strict=True)
        ]
        return Told(_stack(rows, n_labels), "log-probabilities")
    again = [
        ask([_call(question, config, seed) for question in questions]) for seed in range(1, config.samples)
    ]
    rows = [
        _from_votes(answers, question, n_labels, multi_label)
        for question, *answers in zip(questions, first, *again, strict=True)
    ]
    return Told(_stack(rows, n_labels), "votes")


def _call(question: Question, config: LLMConfig, seed: int) -> Call:
    message = (Message("user", question.prompt),)
    if seed == 0:
        return Call(message, config.max_tokens, top_logprobs=len(LETTERS))
    return Call(message, config.max_tokens, temperature=config.temperature, seed=seed)


def _stack(rows: Sequence[Floats], n_labels: int) -> Floats:
    return np.stack(rows) if rows else np.zeros((0, n_labels), np.float32)


def _nothing(n_labels: int) -> Floats:
    return np.full(n_labels, np.nan, np.float32)


def _from_letters(answer: Answer, question: Question, n_labels: int) -> Floats:
    if not isinstance(answer, Completion):
        return _nothing(n_labels)
    mass = _letters(answer.first_token, len(question.options))
    if mass.sum() < _LEAST_MASS:
        return _from_votes([answer], question, n_labels, multi_label=False)
    out = np.full(n_labels, _ELSEWHERE / n_labels, np.float32)
    out[list(question.options)] += mass / mass.sum() * (1 - _ELSEWHERE)
    return np.asarray(out / out.sum(), np.float32)


def _letters(first_token: Mapping[str, float], count: int) -> Floats:
    """Probability of each of the first letters, whatever space or bracket the token begins with."""
    mass = np.zeros(count, np.float32)
    for token, nats in first_token.items():
        letter = token.strip(" \t\n▁Ġ(*\"'.)")
        if len(letter) == 1 and (place := LETTERS.find(letter)) in range(count):
            mass[place] += math.exp(min(nats, 0.0))
    return mass


def _from_votes(answers: Sequence[Answer], question: Question, n_labels: int, multi_label: bool) -> Floats:
    chosen = [
        letters
        for answer in answers
        if isinstance(answer, Completion)
        and (letters := read_letters(answer.text, len(question.options), multi_label)) is not None
    ]
    if not chosen:
        return _nothing(n_labels)
    votes = np.zeros(n_labels, np.float32)
    for letters in chosen:
        for place in letters:
            votes[question.options[place]] += 1
    if multi_label:
        return np.asarray((votes + 0.25) / (len(chosen) + 0.5), np.float32)
    votes += 0.5 / n_labels
    return np.asarray(votes / votes.sum(), np.float32)


def read_letters(text: str, count: int, multi_label: bool) -> tuple[int, ...] | None:
    """Places of the options that an answer names; ``None`` where it names none that can be told.

    Args:
        text: The answer.
        count: Options there were.
        multi_label: Whether several letters, or ``0`` for none, are an answer.

    Example:
        >>> read_letters("B", 3, False), read_letters("A, C", 3, True), read_letters("0", 3, True)
        ((1,), (0, 2), ())
        >>> read_letters("It is a parcel", 3, False), read_letters("Answer: (C) delivery", 3, False)
        (None, (2,))
        >>> read_letters("A parcel that is late", 3, False), read_letters("B delivery", 3, False)
        (None, (1,))
    """
    named = _LETTER.findall(text.partition("\n")[0])
    places = tuple(dict.fromkeys(place for letter in named if (place := LETTERS.find(letter)) < count))
    if multi_label:
        if places:
            return tuple(sorted(places))
        return () if re.match(r"\W*(0|none)\b", text, re.IGNORECASE) else None
    return places[:1] or None
