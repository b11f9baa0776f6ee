"""The one interface of everything that runs a language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import MissingDependency
from gts.core.extras import install_line
from gts.core.llm.entry import ModelEntry
from gts.core.llm.kinds import KINDS
from gts.core.llm.values import Answer, Call

OnAnswer = Callable[[int, Answer], None]
"""``on_answer(index, answer)``: told of every call as it ends, so that what was paid for is kept at once."""


class Backend(Protocol):
    """Runs one language model."""

    def complete(self, calls: Sequence[Call], on_answer: OnAnswer) -> None:
        """Answer calls, in any order.

        Raises:
            Unavailable: The model cannot be reached, or has stopped answering.
            InvalidInput: It refuses the key, or does not know the model.
        """
        ...


@dataclass(frozen=True)
class Likelihoods:
    """How likely a model finds some texts.

    Attributes:
        nats: Log-likelihood of each text, summed over its tokens [n].
        tokens: Its tokens [n].
    """

    nats: NDArray[np.float64]
    tokens: NDArray[np.int64]

    @property
    def perplexity(self) -> NDArray[np.float64]:
        """The same, a token: the smaller, the likelier [n]."""
        return np.asarray(np.exp(-self.nats / np.maximum(self.tokens, 1)), np.float64)


@runtime_checkable
class Scorer(Protocol):
    """Says how likely a model finds a text; servers of OpenAI's protocol rarely do."""

    def score(self, prompts: Sequence[str], continuations: Sequence[str]) -> Likelihoods:
        """The likelihood of each continuation after its prompt, which may be empty."""
        ...


def open_backend(entry: ModelEntry) -> Backend:
    """The backend of a model; weights and connections are made when they are needed.

    Raises:
        MissingDependency: A package it needs is not installed, or the key is not at hand.
        InvalidInput: What is kept as its key is none.
    """
    module, _, name = KINDS[entry.kind].backend.partition(":")
    try:
        backend: Backend = getattr(import_module(module), name)(entry)
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"model {entry.name!r} needs the package {error.name!r}", mend=install_line("llm")
        ) from error
    return backend
