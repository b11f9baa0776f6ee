"""What a language model holds to be true, by what it finds likelier: a statement or its opposite, one label or another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.core.llm.backend import Scorer
from gts.core.llm.prompts import fill_prompt

Floats = NDArray[np.float32]

_TEXT_CHARS = 2000

_NEGATED = {"can": "cannot", "will": "will not", "has": "does not have", "have": "do not have"}
_AUXILIARIES = ("is", "are", "was", "were", "could", "should", "would", "may", "must", "does", "do", "did")


@dataclass(frozen=True)
class Belief:
    """A model's belief in a statement.

    Attributes:
        statement: The statement.
        opposite: What it was weighed against.
        perplexity: Of the statement: the smaller, the likelier the model finds it.
        opposite_perplexity: Of the opposite.
    """

    statement: str
    opposite: str
    perplexity: float
    opposite_perplexity: float

    @property
    def probability(self) -> float:
        """The statement's share of the likelihood of a token; 0.5 is no opinion.

        Example:
            >>> round(Belief("A can treat B.", "A cannot treat B.", 62.0, 79.0).probability, 2)
            0.56
        """
        return self.opposite_perplexity / (self.perplexity + self.opposite_perplexity)


def negated(relation: str) -> str:
    """The opposite of a relation in English; one that does not begin with a known verb gets ``not`` before it.

    Example:
        >>> [negated(relation) for relation in ("can treat", "is part of", "has", "treats")]
        ['cannot treat', 'is not part of', 'does not have', 'does not treat']
    """
    first, space, rest = relation.strip().partition(" ")
    if first.casefold() in _NEGATED:
        return f"{_NEGATED[first.casefold()]}{space}{rest}"
    if first.casefold() in _AUXILIARIES:
        return f"{first} not{space}{rest}"
    if match := re.fullmatch(r"([a-z]+?)(es|s)", first):
        stem = (
            match[1]
            if match[2] == "s" or match[1].endswith(("s", "x", "z", "ch", "sh", "o"))
            else f"{match[1]}e"
        )
        return f"does not {stem}{space}{rest}"
    return f"not {relation}"


def believes(scorer: Scorer, subject: str, relation: str, target: str, opposite: str | None = None) -> Belief:
    """Ask a model whether a relation holds.

    Args:
        scorer: The model.
        subject: What stands before the relation.
        relation: The relation as one says it: ``can treat``.
        target: What stands after it.
        opposite: The relation's opposite; found by :func:`negated` if left out.
    """
    said = f"{subject} {relation} {target}."
    denied = f"{subject} {opposite or negated(relation)} {target}."
    found = scorer.score(["", ""], [said, denied]).perplexity
    return Belief(said, denied, float(found[0]), float(found[1]))


def verbal_beliefs(
    scorer: Scorer, texts: Sequence[str], labels: Mapping[str, str], on_progress: Callable[[float], None]
) -> Floats:
    """Zero-shot beliefs: how much likelier a text makes the words that say its label.

    The likelihood of a label's words is divided by their likelihood without the text, or common words would always win.

    References:
        Holtzman et al., Surface Form Competition, 2021 (domain conditional PMI).

    Args:
        scorer: The model.
        texts: The texts.
        labels: Label names in order, with their descriptions.
        on_progress: Called with the fraction done.

    Returns:
        Probabilities [texts, labels].
    """
    verbal = [f" {description or re.sub(r'[_-]+', ' ', name)}." for name, description in labels.items()]
    ask = fill_prompt("gts.teacher", "about.txt", {"text": ""})
    plain = scorer.score([ask] * len(verbal), verbal).nats
    rows = np.zeros((len(texts), len(verbal)), np.float32)
    for i, text in enumerate(texts):
        prompt = fill_prompt("gts.teacher", "about.txt", {"text": " ".join(text.split())[:_TEXT_CHARS]})
        rows[i] = scorer.score([prompt] * len(verbal), verbal).nats - plain
        on_progress((i + 1) / len(texts))
    rows = np.exp(rows - rows.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), np.float32)
