"""What a language model is asked and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model. Two equal calls are one: the answer of the first serves the second.

    Attributes:
        messages: The chat so far; a model without a chat format reads them one after the other.
        max_tokens: Most tokens of the answer.
        temperature: 0 takes the likeliest token each time.
        top_p: Share of the probability that is sampled from.
        seed: Seed of the sampling; a server may not keep to it. Another seed asks for another sample.
        schema: JSON schema of the answer, for servers that hold a model to one.
        top_logprobs: How many of the likeliest first tokens to give with their log-probabilities.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    schema: Mapping[str, Any] | None = None
    top_logprobs: int = 0

    def to_json(self) -> dict[str, Any]:
        """The call as a JSON object."""
        return {**asdict(self), "schema": dict(self.schema) if self.schema is not None else None}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were read and written.

    Example:
        >>> Usage(10, 2) + Usage(1, 1)
        Usage(prompt_tokens=11, completion_tokens=3)
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The sum of both."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens
        )

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer.

    Attributes:
        text: The answer, without what a model thought aloud before it.
        usage: Tokens it took.
        first_token: Log-probability (natural) of the likeliest first tokens; empty where the model gives none.
        is_whole: Whether it came to its end before ``max_tokens``.
    """

    text: str
    usage: Usage = Usage()
    first_token: Mapping[str, float] = field(default_factory=dict)
    is_whole: bool = True

    def to_json(self) -> dict[str, Any]:
        """The completion as a JSON object."""
        return {
            "text": self.text,
            "usage": asdict(self.usage),
            "first_token": dict(self.first_token),
            "is_whole": self.is_whole,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Completion:
        """The completion that :meth:`to_json` wrote.

        Example:
            >>> Completion.from_json(Completion("yes", Usage(3, 1), {"yes": -0.1}).to_json()).text
            'yes'
        """
        return cls(
            str(value["text"]), Usage(**value["usage"]), dict(value["first_token"]), bool(value["is_whole"])
        )


class Fault(StrEnum):
    """Why a call has no answer."""

    REFUSED = "refused"
    """The server took the call for wrong; asking again would not help."""
    NO_ANSWER = "no answer"
    """It did not answer in time, or answered with an error of its own, however often it was asked."""
    GARBAGE = "garbage"
    """It answered something that is no completion."""
    EMPTY = "empty"
    """It answered nothing."""
    BUDGET = "budget"
    """It was not asked: the budget was spent."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A call without an answer.

    Attributes:
        fault: Why.
        reason: The same for a person, with what the server said.
        usage: Tokens it took all the same.
    """

    fault: Fault
    reason: str
    usage: Usage = Usage()


Answer = Completion | Failed

_THOUGHT = re.compile(r"\A\s*<think>.*?(</think>\s*|\Z)", re.DOTALL)


def spoken(text: str) -> str:
    """An answer without what the model thought aloud before it.

    Example:
        >>> spoken("<think>yes? no?</think> no ")
        'no'
    """
    return _THOUGHT.sub("", text).strip()
