"""How a language model is asked for texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gts.core.errors import InvalidInput

_MEND = "change the generator's options"
# A text as long as all but the longest of the user's is not cut off.
_LENGTH_QUANTILE = 0.95
_SPARE_TOKENS = 16


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """How a language model is asked for texts.

    Attributes:
        texts_per_call: Texts asked for in one call; a model without instruction tuning gives one.
        seeds_per_call: The user's texts shown in one call.
        temperatures: Temperature of each round; round after round, then from the first again.
        top_p: Share of the probability that is sampled from.
        max_tokens: Most tokens of an answer: it should hold all texts of a call, for what is cut off is lost.
        rounds: How often at most a request is asked for, the first time included, while texts are missing.
        chat: Whether the model follows instructions; if not, it goes on writing a list of texts.
        schema: Whether to send a JSON schema of the answer.
        bytes_per_token: How few bytes of the user's texts a token of the model may stand for. A list that is continued
            has no end, so a call for one more text is cut off once it must be there.

    Raises:
        InvalidInput: A value is out of range.
    """

    texts_per_call: int = 8
    seeds_per_call: int = 5
    temperatures: tuple[float, ...] = (0.8, 0.95, 1.1)
    top_p: float = 0.95
    max_tokens: int = 1024
    rounds: int = 3
    chat: bool = True
    schema: bool = True
    bytes_per_token: float = 2.0

    def __post_init__(self) -> None:
        ranges: Mapping[str, tuple[float, float]] = {
            "texts_per_call": (1, 100),
            "seeds_per_call": (1, 100),
            "top_p": (0.01, 1.0),
            "max_tokens": (1, 100_000),
            "rounds": (1, 20),
            "bytes_per_token": (0.5, 100.0),
        }
        for name, (low, high) in ranges.items():
            _check(name, getattr(self, name), low, high)
        for name in ("chat", "schema"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInput(f"{name} is {getattr(self, name)!r}; expected true or false", mend=_MEND)
        if not isinstance(self.temperatures, list | tuple) or not self.temperatures:
            raise InvalidInput(
                f"temperatures is {self.temperatures!r}; expected a list of numbers, one for each round",
                mend=_MEND,
            )
        for temperature in self.temperatures:
            _check("temperatures", temperature, 0.0, 2.0)
        # A list, as JSON and YAML give it.
        object.__setattr__(self, "temperatures", tuple(float(value) for value in self.temperatures))


def _check(name: str, value: Any, low: float, high: float) -> None:
    kinds = int | float if isinstance(high, float) else int
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise InvalidInput(f"{name} is {value!r}; expected {low} to {high}", mend=_MEND)


def texts_per_call(config: LLMConfig) -> int:
    """Texts asked for in one call; one where the model does not follow instructions."""
    return config.texts_per_call if config.chat else 1


def tokens_of_one(texts: Sequence[str], config: LLMConfig) -> int:
    """Tokens that hold one more text of the kind of some texts, at most those that the config allows."""
    sizes = [len(text.encode("utf-8", "replace")) for text in texts]
    needed = float(np.quantile(sizes, _LENGTH_QUANTILE)) / config.bytes_per_token
    return min(config.max_tokens, math.ceil(needed) + _SPARE_TOKENS)
